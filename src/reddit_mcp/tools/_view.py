"""What a model gets to see of posts and comments: chosen, cut and counted, because tokens are the cost."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from reddit_mcp.analysis.text import cut
from reddit_mcp.models import Comment, Post

Json = dict[str, Any]

CHARACTERS_PER_POST = 345
CHARACTERS_PER_COMMENT = 265
"""Budgets that keep 25 posts within 9,000 characters and 100 comments within 28,000, all else included."""

LONGEST_TEXT = 300
SHORTEST_TEXT = 24
LONGEST_SELFTEXT = 1000
DEEPEST = 100
"""Levels of nesting shown: JSON readers give up somewhat below 128 levels of objects and lists."""

POST_FIELDS = tuple(Post.model_fields)
COMMENT_FIELDS = tuple(name for name in Comment.model_fields if name not in ("permalink", "subreddit"))
TELLING = ("link_flair_text", "over_18", "spoiler", "stickied", "is_video")
"""Fields of a concise post that appear only where they say something."""


def full_post(post: Post) -> Json:
    """Every field; the selftext up to 1,000 characters."""
    shown: Json = {"type": "post", **post.model_dump(include=set(POST_FIELDS))}
    _cut(shown, "selftext", LONGEST_SELFTEXT)
    return shown


def concise_post(post: Post) -> Json:
    """The fields that a model needs."""
    shown: Json = {
        "id": post.id,
        "title": post.title,
        "author": post.author,
        "subreddit": post.subreddit,
        "score": post.score,
        "num_comments": post.num_comments,
        "created_utc": post.created_utc,
        "permalink": post.permalink,
        "selftext": post.selftext,
    }
    if post.url and not post.is_self and post.url != post.permalink:
        shown["url"] = post.url
    shown.update((name, value) for name in TELLING if (value := getattr(post, name)))
    _cut(shown, "selftext", LONGEST_TEXT)
    return shown


def posts(items: Iterable[Post], detail: str) -> list[Json]:
    """Posts as asked for; concise ones share a budget of characters."""
    if detail == "full":
        return [full_post(post) for post in items]
    shown = [concise_post(post) for post in items]
    fit(shown, "selftext", CHARACTERS_PER_POST * len(shown))
    return shown


def comment(item: Comment, detail: str) -> Json:
    """One comment; its replies are still empty."""
    if detail == "full":
        return {"type": "comment", **item.model_dump(include=set(COMMENT_FIELDS)), "replies": []}
    shown: Json = {
        "id": item.id,
        "author": item.author,
        "body": item.body,
        "score": item.score,
        "depth": item.depth,
        "replies": [],
    }
    for name in ("is_submitter", "stickied", "distinguished"):
        if value := getattr(item, name):
            shown[name] = value
    _cut(shown, "body", LONGEST_TEXT)
    return shown


def comments(items: Sequence[Comment], detail: str) -> list[Json]:
    """Comments, flat; concise ones share a budget of characters."""
    shown = [comment(item, detail) for item in items]
    if detail == "concise":
        fit(shown, "body", CHARACTERS_PER_COMMENT * len(shown))
    return shown


def nest(items: Sequence[Comment], shown: Sequence[Json]) -> list[Json]:
    """Hang each shown comment below its parent; one whose parent is not there stands at the top."""
    roots: list[Json] = []
    places = {f"t1_{item.id}": view for item, view in zip(items, shown, strict=True)}
    for item, view in zip(items, shown, strict=True):
        parent = places.get(item.parent_id)
        (roots if parent is None or item.depth == 0 else parent["replies"]).append(view)
    return roots


def fit(shown: list[Json], field: str, budget: int) -> None:
    """Cut texts to the longest common limit that keeps the items' JSON within the budget.

    Where that would leave hardly any text, addresses and titles give way first: a permalink's short form leads to the
    same place.
    """
    limit = _fair(shown, field, budget)
    for shorten in (_short_permalink, _short_title, _without_url):
        if limit >= SHORTEST_TEXT:
            break
        for item in shown:
            shorten(item)
        limit = _fair(shown, field, budget)
    for item in shown:
        _cut(item, field, max(limit, SHORTEST_TEXT))


def _fair(shown: list[Json], field: str, budget: int) -> int:
    """The largest limit at which all texts together take no more than what the rest leaves of the budget."""
    lengths = sorted(len(item[field]) for item in shown)
    spare = budget - sum(_size(item) - len(item[field]) for item in shown)
    for position, length in enumerate(lengths):
        share = spare // (len(lengths) - position)
        if length > share:
            return share
        spare -= length
    return LONGEST_TEXT


def _size(item: Json) -> int:
    """Characters of the item's JSON, with room for the mark of a cut."""
    marked = item if "truncated" in item else {**item, "truncated": True}
    return len(orjson.dumps(marked).decode()) + 1


def _cut(item: Json, field: str, limit: int) -> None:
    item[field], was_cut = cut(item[field], limit)
    if was_cut:
        item["truncated"] = True


def _short_permalink(item: Json) -> None:
    if "permalink" in item:
        item["permalink"] = f"https://redd.it/{item['id']}"


def _short_title(item: Json) -> None:
    if "title" in item:
        _cut(item, "title", 120)


def _without_url(item: Json) -> None:
    item.pop("url", None)
