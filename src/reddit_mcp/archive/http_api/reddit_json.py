"""Things in the shape of Reddit's API answers: what an old dump lacks is filled in where it follows from the rest.

Numbers that the source lacks stay absent.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from reddit_mcp.archive.archive_store import Thing
from reddit_mcp.archive.http_api.comment_tree import Branch, Part, flat
from reddit_mcp.archive.sqlite.index_document import is_self
from reddit_mcp.archive.sqlite.index_words import runs
from reddit_mcp.archive.sqlite.raw_fields import account, base36, community, flag, identity, moment, ratio, text, whole

Json = dict[str, Any]
_SLUG = 50  # characters
_COUNTS = ("score", "ups", "downs", "num_comments", "num_crossposts", "gilded", "controversiality")
_FLAGS = (
    "over_18 spoiler stickied locked archived is_video contest_mode hide_score score_hidden is_submitter promoted"
).split()
"""What dumps write as 1 and "true" too."""


def listing(children: Iterable[Json], after: str | None = None, before: str | None = None) -> Json:
    """A page of things."""
    found = list(children)
    data = {"modhash": None, "dist": len(found), "after": after, "before": before, "geo_filter": "", "children": found}
    return {"kind": "Listing", "data": data}


def thing(each: Thing) -> Json:
    """Any thing, as listings show it."""
    kind, data = each
    shape = {"t1": comment, "t2": user, "t3": post, "t5": subreddit}[kind]
    return shape(data)


def post(data: Json) -> Json:
    """A t3."""
    filled = _common("t3", data)
    _fill(filled, "permalink", f"/r/{_place(data)}/comments/{data['id']}/{slug(text(data.get('title')))}/")
    filled["is_self"] = is_self(data)
    if filled["is_self"]:
        _fill(filled, "domain", f"self.{_place(data)}")
        _fill(filled, "url", f"https://www.reddit.com{filled['permalink']}")
    return {"kind": "t3", "data": filled}


def comment(data: Json, **place: Any) -> Json:
    """A t1; `place` is what its place in a thread adds, such as its depth and its replies."""
    filled = _common("t1", data) | {"body": text(data.get("body")), "replies": ""}
    above, link = identity(data.get("parent_id")), identity(data.get("link_id"))
    if link is not None:
        filled["link_id"] = f"t3_{base36(link)}"
        top = text(data.get("parent_id")).startswith("t3_") or above in (None, link)
        filled["parent_id"] = filled["link_id"] if top or above is None else f"t1_{base36(above)}"
        _fill(filled, "permalink", f"/r/{_place(data)}/comments/{base36(link)}/_/{data['id']}/")
    return {"kind": "t1", "data": filled | place}


def user(data: Json) -> Json:
    """A t2."""
    return {"kind": "t2", "data": data}


def subreddit(data: Json) -> Json:
    """A t5; its rules have an address of their own."""
    filled = {key: value for key, value in data.items() if key != "rules"}
    name = text(filled.get("display_name"))
    profile = name.lower().startswith("u_")
    _fill(filled, "display_name_prefixed", f"u/{name[2:]}" if profile else f"r/{name}")
    _fill(filled, "url", f"/user/{name[2:]}/" if profile else f"/r/{name}/")
    number = identity(filled.get("id") or filled.get("name"))
    if number is not None:
        filled |= {"id": base36(number), "name": f"t5_{base36(number)}"}
    return {"kind": "t5", "data": filled}


def rules(data: Json) -> Json:
    """The rules that a t5 carries, in its moderators' order."""
    given = data.get("rules")
    found = [rule for rule in given if isinstance(rule, dict)] if isinstance(given, list) else []
    filled = [{"violation_reason": rule.get("short_name"), "priority": at} | rule for at, rule in enumerate(found)]
    return {"rules": filled, "site_rules": [], "site_rules_flow": []}


def nested(parts: Iterable[Part], bodies: Mapping[int, Json], link: str) -> list[Json]:
    """Comments with their replies inside, as /comments shows them."""
    return [_part(part, bodies, link, nested(part.replies, bodies, link) if isinstance(part, Branch) else [])
            for part in parts]  # fmt: skip


def flattened(parts: Iterable[Part], bodies: Mapping[int, Json], link: str) -> list[Json]:
    """Comments one after the other, as /api/morechildren shows them."""
    return [_part(part, bodies, link, []) for part in flat(parts)]


def slug(title: str) -> str:
    """A title as it stands in a permalink."""
    return re.sub("_+", "_", "_".join(runs(title)))[:_SLUG].strip("_") or "_"


def _part(part: Part, bodies: Mapping[int, Json], link: str, replies: list[Json]) -> Json:
    parent = link if part.parent is None else f"t1_{base36(part.parent)}"
    if not isinstance(part, Branch):
        children = [base36(number) for number in part.children]
        first = children[0] if children else "_"
        data = {"count": part.count, "name": f"t1_{first}", "id": first, "parent_id": parent, "depth": part.depth}
        return {"kind": "more", "data": data | {"children": children}}
    data = bodies[part.node.id]
    place = {"depth": part.depth, "parent_id": parent, "replies": listing(replies) if replies else ""}
    return comment({"is_submitter": part.node.by_submitter} | data, **place)


def _common(kind: str, data: Json) -> Json:
    """What posts and comments share. Only those fields are touched that dumps write in other ways than Reddit."""
    filled = data | {"name": f"{kind}_{data['id']}"}
    if "author" in data:
        filled["author"] = account(data) or "[deleted]"
    place = _place(data)
    if place:
        filled["subreddit"] = place
        _fill(filled, "subreddit_name_prefixed", f"r/{place}")
    filled |= {name: True for name in _FLAGS if name in data and flag(data[name])}
    numbers = {"created_utc": _seconds, "upvote_ratio": ratio, **dict.fromkeys(_COUNTS, whole)}
    return filled | {name: read(data[name]) for name, read in numbers.items() if name in data}


def _fill(data: Json, name: str, value: str) -> None:
    data[name] = data.get(name) or value


def _seconds(value: Any) -> float | None:
    seconds = moment(value)
    return None if seconds is None else float(seconds)


def _place(data: Json) -> str:
    return community(data) or ""
