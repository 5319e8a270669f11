"""Invented things in the shapes of Reddit's JSON."""

from typing import Any

Json = Any


def t3(identity: str = "1abc2d", **fields: Json) -> Json:
    """A post."""
    return {
        "kind": "t3",
        "data": {
            "id": identity,
            "name": f"t3_{identity}",
            "title": "Which kettle boils fastest?",
            "author": "tea_lover",
            "subreddit": "kettles",
            "created_utc": 1700000000.0,
            "score": 42,
            "upvote_ratio": 0.93,
            "num_comments": 7,
            "url": f"https://www.reddit.com/r/kettles/comments/{identity}/which_kettle/",
            "permalink": f"/r/kettles/comments/{identity}/which_kettle/",
            "selftext": "I timed three of them.",
            "link_flair_text": "Test",
            "is_self": True,
            "is_video": False,
            "over_18": False,
            "spoiler": False,
            "stickied": False,
            **fields,
        },
    }


def t1(identity: str = "k1", parent: str = "t3_1abc2d", replies: Json = "", **fields: Json) -> Json:
    """A comment."""
    return {
        "kind": "t1",
        "data": {
            "id": identity,
            "name": f"t1_{identity}",
            "author": "pot_watcher",
            "body": "The blue one.",
            "score": 5,
            "created_utc": 1700000100.0,
            "parent_id": parent,
            "link_id": "t3_1abc2d",
            "permalink": f"/r/kettles/comments/1abc2d/which_kettle/{identity}/",
            "subreddit": "kettles",
            "is_submitter": False,
            "stickied": False,
            "distinguished": None,
            "replies": replies,
            **fields,
        },
    }


def more(parent: str = "t3_1abc2d", children: tuple[str, ...] = (), count: int = 0) -> Json:
    """What Reddit collapsed; without children it says "continue this thread"."""
    identity = children[0] if children else "_"
    data = {"id": identity, "name": f"t1_{identity}", "parent_id": parent, "count": count, "children": list(children)}
    return {"kind": "more", "data": data}


def listing(*things: Json, after: Json = None) -> Json:
    """A page."""
    return {"kind": "Listing", "data": {"children": list(things), "after": after, "before": None, "dist": len(things)}}


def thread(*comments: Json, **fields: Json) -> Json:
    """A post and its comments."""
    return [listing(t3(**fields)), listing(*comments)]


def t2(name: str = "tea_lover", **fields: Json) -> Json:
    """An account."""
    facts = {
        "name": name,
        "created_utc": 1500000000.0,
        "link_karma": 10,
        "comment_karma": 20,
        "is_gold": False,
        "is_mod": True,
        "has_verified_email": True,
    }
    return {"kind": "t2", "data": {**facts, **fields}}


def t5(name: str = "kettles", **fields: Json) -> Json:
    """A community."""
    facts = {
        "display_name": name,
        "title": "Kettles",
        "public_description": "All about kettles.",
        "subscribers": 1234,
        "active_user_count": 12,
        "created_utc": 1300000000.0,
        "over18": False,
        "url": f"/r/{name}/",
    }
    return {"kind": "t5", "data": {**facts, **fields}}
