"""Accounts, and things by their ids."""

from collections.abc import Sequence
from typing import Any

from reddit_mcp.archive.http_api import reddit_json
from reddit_mcp.archive.sqlite.raw_fields import base36, identity, text
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Asking
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import not_found
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import Data, numbered

Json = Any
BATCH = 500
"""Ids that it takes at once."""

_PATHS = {"t3": "/api/posts/ids", "t1": "/api/comments/ids"}


async def about(asking: Asking, name: str, resource: str) -> Json:
    """A t2 with its name alone: its karma there is a sum of scores, which is not what Reddit's karma is.

    Raises:
        NotFound: it knows no such account.
    """
    row = await numbers(asking, name)
    if row is None:
        raise not_found(resource)
    return {"kind": "t2", "data": {"name": text(row.get("author")), "id": row.get("id")}}


async def numbers(asking: Asking, name: str) -> Data | None:
    """What it has counted of an account, under `_meta`; None when it knows none of that name."""
    rows = await asking.rows("/api/users/search", author=name, limit=1)
    return next((row for row in rows if text(row.get("author")).lower() == name.lower()), None)


async def by_ids(asking: Asking, kind: str, ids: Sequence[str], **params: str) -> dict[int, Data]:
    """Posts (t3) or comments (t1) by their base-36 ids; unknown ones are missing."""
    wanted = list(dict.fromkeys(ids))
    found: dict[int, Data] = {}
    for start in range(0, len(wanted), BATCH):
        rows = await asking.rows(_PATHS[kind], ids=",".join(wanted[start : start + BATCH]), **params)
        found.update(numbered(kind, rows))
    return found


async def info(asking: Asking, fullnames: str) -> Json:
    """Posts and comments in the order asked for."""
    asked = [name.strip().lower() for name in fullnames.split(",")]
    found: dict[str, Json] = {}
    for kind in _PATHS:
        ids = [name[3:] for name in asked if name.startswith(f"{kind}_")]
        if ids:
            known = await by_ids(asking, kind, ids)
            found.update(
                {f"{kind}_{base36(number)}": reddit_json.thing((kind, data)) for number, data in known.items()}
            )
    return reddit_json.listing([found[name] for name in asked if name in found])


async def title(asking: Asking, comments: Sequence[Data]) -> None:
    """Give comments the titles of their posts, as Reddit's own listings of comments do."""
    links = {number for each in comments if (number := identity(each.get("link_id"))) is not None}
    if not links:
        return
    posts = await by_ids(asking, "t3", [base36(number) for number in links], fields="id,title,subreddit,over_18")
    for each in comments:
        post = posts.get(identity(each.get("link_id")) or -1)
        if post:
            each["link_title"] = text(post.get("title"))
