"""Communities: their names in a path, their descriptions, rules and completions."""

import re
from typing import Any

from reddit_mcp.archive.http_api import reddit_json
from reddit_mcp.archive.sqlite.raw_fields import text
from reddit_mcp.upstream.arctic_shift import refusal_sentences
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Asking
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import Refused, not_found, not_offered, overloaded

Json = Any
EVERYWHERE = ("all", "popular")
_MOST_MERGED = 10
_COMPLETIONS = 10
_MOST_FOUND = 100


def communities(names: str) -> list[str]:
    """The communities of `a+b`; none for all of Reddit.

    Raises:
        Unavailable: more than are asked one by one, reason `not_offered_by_source`.
    """
    found = list(dict.fromkeys(names.split("+")))
    if any(name.lower() in EVERYWHERE for name in found):
        return []
    if len(found) > _MOST_MERGED:
        raise not_offered(
            f"Arctic Shift is asked for each community by itself: name {_MOST_MERGED} at most in one call."
        )
    return found


async def about(asking: Asking, name: str, resource: str) -> Json:
    """A t5.

    Raises:
        NotFound: it knows no such community.
    """
    rows = await asking.rows("/api/subreddits/search", subreddit=name, limit=1)
    for row in rows:
        if text(row.get("display_name")).lower() == name.lower():
            return _t5(row)
    raise not_found(resource)


async def rules(asking: Asking, name: str, resource: str) -> Json:
    """A community's rules, in its moderators' order."""
    rows = await asking.rows("/api/subreddits/rules", subreddits=name)
    for row in rows:
        if text(row.get("subreddit")).lower() == name.lower() and isinstance(row.get("rules"), list):
            given = [rule for rule in row["rules"] if isinstance(rule, dict)]
            return reddit_json.rules({"rules": sorted(given, key=_priority)})
    await about(asking, name, resource)
    return reddit_json.rules({})


async def wiki_index(asking: Asking, name: str, resource: str) -> Json:
    """Names of a community's wiki pages, in the shape of Reddit's wikipagelisting."""
    try:
        listed = await asking.get("/api/subreddits/wikis/list", subreddit=name)
    except Refused as refused:
        raise overloaded(refused.status) from refused
    pages = [page for each in listed if (page := _page(each, name))] if isinstance(listed, list) else []
    if not pages:
        await about(asking, name, resource)
    return {"kind": "wikipagelisting", "data": sorted(dict.fromkeys(pages))}


def _page(each: Json, community: str) -> str:
    """A page's name, without the community before it; it is listed by its path, or as an object that has one."""
    path = text(each.get("path") if isinstance(each, dict) else each).strip("/")
    start = f"r/{community}/wiki/"
    return path[len(start) :] if path.lower().startswith(start.lower()) else path


async def missing(_asking: Asking, _name: str, resource: str) -> Json:
    """Nothing: it keeps neither moderators nor flairs.

    Raises:
        Unavailable: always, reason `not_offered_by_source`.
    """
    raise not_offered(refusal_sentences.NO_PART.format(part=resource))


async def starting(asking: Asking, prefix: str, limit: int = _MOST_FOUND, *, adult: bool = True) -> list[Json]:
    """The communities whose names begin so, those with most subscribers first, as t5."""
    rows = await asking.rows(
        "/api/subreddits/search", subreddit_prefix=prefix, limit=limit, over18=None if adult else "false"
    )
    named = [row for row in rows if text(row.get("display_name"))]
    return [_t5(row) for row in named if row["display_name"].lower().startswith(prefix.lower())]


async def search(asking: Asking, given: dict[str, str]) -> tuple[Json, str]:
    """Communities whose names begin with the words of a query, joined; names have no blanks.

    Raises:
        Unavailable: no name begins so, reason `not_offered_by_source`.
    """
    prefix = re.sub(r"[^a-z0-9_]", "", given.get("q", "").lower().removeprefix("/").removeprefix("r/"))
    if not prefix:
        raise not_offered(
            "Arctic Shift finds communities by how their names begin: ask for the beginning of a name, in Latin "
            "letters, such as python."
        )
    most = int(given.get("limit", _MOST_FOUND))
    found = await starting(asking, prefix, most)
    said = refusal_sentences.NO_TOPIC.format(prefix=prefix)
    more = refusal_sentences.MORE_NAMES if len(found) >= most else None
    return reddit_json.listing(found), refusal_sentences.joined(said, more) or said


async def completions(asking: Asking, prefix: str, *, adult: bool) -> Json:
    """Names that begin so."""
    found = await starting(asking, prefix, _COMPLETIONS, adult=adult)
    return {"names": [each["data"]["display_name"] for each in found]}


def _t5(row: Json) -> Json:
    return reddit_json.subreddit({key: value for key, value in row.items() if key != "_meta"})


def _priority(rule: Json) -> float:
    at = rule.get("priority")
    return at if isinstance(at, int | float) and at == at else float("inf")  # noqa: PLR0124 - nan has no order
