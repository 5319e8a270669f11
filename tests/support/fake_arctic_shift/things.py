"""Invented things in the shape of its objects: Reddit's fields without `kind` and `data`, and `_meta`."""

from typing import Any

NOW = 1_790_000_000
"""What time it is there."""

DAY = 86_400
Json = dict[str, Any]


def post(identity: str, age: int = 10 * DAY, **fields: Any) -> Json:
    """A post in r/kettles, made `age` seconds ago and looked at twice."""
    data = {
        "id": identity,
        "title": f"Title of {identity}",
        "selftext": "",
        "author": "anna",
        "subreddit": "kettles",
        "created_utc": NOW - age,
        "score": 1,
        "upvote_ratio": 0.9,
        "num_comments": 0,
        "over_18": False,
        "spoiler": False,
        "is_self": True,
        "retrieved_on": NOW - age + 5,
        "_meta": {"retrieved_2nd_on": NOW - age + 36 * 3600},
    }
    return data | fields


def comment(identity: str, link: str, parent: str = "", age: int = 9 * DAY, **fields: Any) -> Json:
    """A comment on the post `link`, or on the comment `parent`."""
    data = {
        "id": identity,
        "body": f"Body of {identity}",
        "author": "bela",
        "subreddit": "kettles",
        "link_id": f"t3_{link}",
        "parent_id": f"t1_{parent}" if parent else f"t3_{link}",
        "created_utc": NOW - age,
        "score": 1,
        "controversiality": 0,
        "_meta": {"retrieved_2nd_on": NOW - age + 36 * 3600},
    }
    return data | fields


def community(name: str, subscribers: int = 100, **fields: Any) -> Json:
    """A community."""
    data = {
        "id": f"c{name[:4]}",
        "display_name": name,
        "title": f"All of {name}",
        "public_description": f"About {name}.",
        "subscribers": subscribers,
        "created_utc": 1_300_000_000,
        "over18": False,
        "active_user_count": None,
        "_meta": {"num_posts": 3},
    }
    return data | fields
