"""The sample's things in the shape of Reddit's API objects."""

from typing import Any

from reddit_mcp.archive.sample.people import GONE
from reddit_mcp.archive.sample.sample_posts import Draft, Remark, slug
from reddit_mcp.archive.sample.sample_text import Community

_VIDEO = "https://v.redd.it/"


def community(data: Community, fullname: str, created: int, note: str) -> dict[str, Any]:
    """A t5. Its rules stand under `rules`, as /about/rules lists them."""
    path = f"/user/{data.owner}/" if data.owner else f"/r/{data.name}/"
    return {
        "id": fullname.removeprefix("t5_"), "name": fullname, "display_name": data.name,
        "display_name_prefixed": f"u/{data.owner}" if data.owner else f"r/{data.name}",
        "title": data.title, "public_description": f"{data.about} ({note})", "description": f"{data.about}\n\n{note}",
        "subscribers": data.subscribers, "active_user_count": data.active, "accounts_active": data.active,
        "created_utc": float(created), "created": float(created), "over18": False, "quarantine": False,
        "subreddit_type": "user" if data.owner else "public", "url": path, "lang": "en",
        "rules": [
            {"short_name": name, "description": text, "kind": kind, "violation_reason": name,
             "created_utc": float(created), "priority": at}
            for at, (name, text, kind) in enumerate(data.rules)
        ],
    }  # fmt: skip


def account(
    name: str, fullname: str, created: int, karma: tuple[int, int], *, moderates: bool, note: str
) -> dict[str, Any]:
    """A t2; `karma` is of posts and of comments."""
    return {
        "id": fullname.removeprefix("t2_"), "name": name, "created_utc": float(created), "created": float(created),
        "link_karma": karma[0], "comment_karma": karma[1], "total_karma": sum(karma), "is_gold": False,
        "is_mod": moderates, "is_employee": False, "verified": True, "has_verified_email": True,
        "subreddit": {"display_name": f"u_{name}", "public_description": note, "url": f"/user/{name}/"},
    }  # fmt: skip


def suspended(name: str) -> dict[str, Any]:
    """The t2 of a suspended account, of which Reddit shows the name alone."""
    return {"name": name, "is_suspended": True, "is_blocked": False, "total_karma": 0}


def post(draft: Draft, home: str, author: str | None, now: int) -> dict[str, Any]:
    """A t3. `home` and `author` are the fullnames of its community and of its author, who may be gone."""
    name, created = draft.community.name, float(now - draft.age)
    video = draft.fixed.is_video or draft.url.startswith(_VIDEO)
    permalink = _permalink(draft)
    return {
        "id": draft.id, "name": f"t3_{draft.id}", **_author(draft.author, author), **_community(draft, home),
        "title": draft.title, "selftext": draft.body, "is_self": not draft.url, "is_video": video,
        "domain": draft.url.split("/")[2] if draft.url else f"self.{name}",
        "url": draft.url or f"https://www.reddit.com{permalink}", "permalink": permalink,
        "created_utc": created, "created": created, "edited": False,
        "score": draft.score, "ups": draft.score, "downs": 0, "upvote_ratio": draft.ratio,
        "num_comments": len(draft.remarks), "link_flair_text": draft.flair,
        "over_18": draft.fixed.over_18, "spoiler": draft.fixed.spoiler, "stickied": draft.stickied,
        "locked": False, "archived": False, "distinguished": "moderator" if draft.stickied else None,
        "removed_by_category": "moderator" if draft.removed else None,
        "media": {"reddit_video": {"fallback_url": f"{draft.url}/DASH_480.mp4", "duration": 42}} if video else None,
    }  # fmt: skip


def comment(remark: Remark, draft: Draft, home: str, author: str | None, now: int) -> dict[str, Any]:
    """A t1."""
    created = float(now - remark.age)
    return {
        "id": remark.id, "name": f"t1_{remark.id}", **_author(remark.author, author), **_community(draft, home),
        "body": remark.body, "link_id": f"t3_{draft.id}", "depth": remark.depth,
        "parent_id": f"t1_{remark.parent.id}" if remark.parent else f"t3_{draft.id}",
        "permalink": f"{_permalink(draft)}{remark.id}/", "created_utc": created, "created": created, "edited": False,
        "score": remark.score, "ups": remark.score, "downs": 0, "score_hidden": False,
        "controversiality": int(remark.controversial), "stickied": remark.moderator, "locked": False,
        "is_submitter": remark.author == draft.author != GONE,
        "distinguished": "moderator" if remark.moderator else None,
    }  # fmt: skip


def _author(name: str, fullname: str | None) -> dict[str, Any]:
    """Reddit leaves the fullname of a deleted author out."""
    return {"author": name, "author_fullname": fullname} if fullname else {"author": name}


def _community(draft: Draft, home: str) -> dict[str, Any]:
    data = draft.community
    return {
        "subreddit": data.name, "subreddit_id": home, "subreddit_type": "user" if data.owner else "public",
        "subreddit_name_prefixed": f"u/{data.owner}" if data.owner else f"r/{data.name}",
    }  # fmt: skip


def _permalink(draft: Draft) -> str:
    path = f"user/{draft.community.owner}" if draft.community.owner else f"r/{draft.community.name}"
    return f"/{path}/comments/{draft.id}/{slug(draft.title)}/"
