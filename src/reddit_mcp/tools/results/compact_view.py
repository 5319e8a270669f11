"""What a model gets to see of posts and comments: chosen, cut and counted, because tokens are the cost."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Any

import orjson

from reddit_mcp.analysis.prose import cut
from reddit_mcp.models import Comment, Post, Subreddit

Json = dict[str, Any]

CHARACTERS_PER_POST = 340
CHARACTERS_PER_COMMENT = 265
CHARACTERS_OF_ONE_POST = 1000
"""Budgets that keep 25 posts within 9,000 characters, and a post with 100 comments within 28,000, all else included."""

DEFAULT_POSTS, DEFAULT_COMMENTS = 25, 100
"""A shorter answer may use the whole budget of a default one."""

LONGEST_TEXT = 300
LONGEST_TITLE, SHORTEST_TITLE = 120, 24
NO_LIMIT = LONGEST_TEXT * 6  # JSON spells a character with six at most
LONGEST_SELFTEXT = 1000
DEEPEST = 100
"""Levels of nesting shown: JSON readers give up somewhat below 128 levels of objects and lists."""

PARTS = "crosspost_of gallery video_url poll removed locked archived edited_utc score_hidden contest_mode".split()
"""Fields of a post that appear only where they say something, whatever the detail."""

TELLING = ("link_flair_text", "over_18", "spoiler", "stickied", "is_video", *PARTS)
COMMENT_PARTS = ("removed", "edited_utc", "score_hidden", "collapsed_reason")
POST_FIELDS = {*Post.model_fields} - {"crosspost_parent", "author_flair_text", *PARTS}
COMMUNITY_FIELDS = {"name", "title", "description", "subscribers", "over18", "created_utc"}
COMMENT_FIELDS = {*Comment.model_fields} - {"permalink", "subreddit", "post", *COMMENT_PARTS}


def full_post(post: Post) -> Json:
    """Every field; the selftext up to 1,000 characters."""
    shown: Json = {"type": "post", **post.model_dump(include=POST_FIELDS), **_telling(post, PARTS)}
    shown |= _telling(post, ("author_flair_text",))
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
    shown |= _telling(post, TELLING)
    _cut(shown, "selftext", LONGEST_TEXT)
    return shown


def _telling(item: Post | Comment, names: Iterable[str]) -> Json:
    """Those of the fields that say something, without the unknown."""
    told = {name for name in names if getattr(item, name)}
    return item.model_dump(include=told, exclude_none=True) if told else {}


def post(item: Post, detail: str) -> Json:
    """The one post that an answer is about."""
    if detail == "full":
        return full_post(item)
    shown = concise_post(item)
    fit([shown], "selftext", CHARACTERS_OF_ONE_POST)
    return shown


def posts(items: Iterable[Post], detail: str) -> list[Json]:
    """Posts as asked for; concise ones share a budget of characters."""
    if detail == "full":
        return [full_post(post) for post in items]
    shown = [concise_post(post) for post in items]
    fit(shown, "selftext", CHARACTERS_PER_POST * max(len(shown), DEFAULT_POSTS))
    return shown


def comment(item: Comment, detail: str) -> Json:
    """One comment; its replies are still empty."""
    if detail == "full":
        fields = {**item.model_dump(include=COMMENT_FIELDS), **_telling(item, COMMENT_PARTS)}
        return {"type": "comment", **fields, "replies": []}
    shown: Json = {
        "id": item.id,
        "author": item.author,
        "body": item.body,
        "score": item.score,
        "depth": item.depth,
        "replies": [],
    }
    shown |= _telling(item, ("is_submitter", "stickied", "distinguished", *COMMENT_PARTS))
    _cut(shown, "body", LONGEST_TEXT)
    return shown


def comments(items: Sequence[Comment], detail: str) -> list[Json]:
    """Comments, flat; concise ones share a budget of characters."""
    shown = [comment(item, detail) for item in items]
    if detail == "concise":
        fit(shown, "body", CHARACTERS_PER_COMMENT * max(len(shown), DEFAULT_COMMENTS))
    return shown


def found_comments(items: Sequence[Comment], detail: str) -> list[Json]:
    """Comments outside their threads: each with its time, its address and its post; concise ones share a budget."""
    shown = [comment(item, detail) | _whereabouts(item, detail) for item in items]
    if detail == "concise":
        fit(shown, "body", CHARACTERS_PER_POST * max(len(shown), DEFAULT_POSTS))
    return shown


def _whereabouts(item: Comment, detail: str) -> Json:
    post = item.post.model_dump() if item.post else {"id": "", "title": "", "subreddit": item.subreddit}
    if detail == "concise":
        post["title"] = cut(post["title"], LONGEST_TITLE)[0]
    return {"created_utc": item.created_utc, "permalink": item.permalink, "post": post}


def communities(items: Iterable[Subreddit], detail: str) -> list[Json]:
    """Communities that a search found."""
    shown = [item.model_dump(include=COMMUNITY_FIELDS) for item in items]
    for item in shown if detail == "concise" else ():
        _cut(item, "description", LONGEST_TEXT)
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

    Where even that is too much, the largest items give up more, one by one: first their permalink for its short form
    (it leads to the same place), then all pictures but one, the end of their title, the address they link to, pictures
    and polls, flair, most of the title.
    """
    limit = max(_fair(shown, field, budget), 1)
    for item in shown:
        _cut(item, field, _within(item[field], limit))
    excess = sum(map(_size, shown)) - budget
    for shorten in SHORTER:
        for item in sorted(shown, key=_size, reverse=True):
            if excess <= 0:
                return
            before = _size(item)
            shorten(item)
            excess -= before - _size(item)


def _fair(shown: list[Json], field: str, budget: int) -> int:
    """The largest limit, in characters of JSON, at which all texts together take what the rest leaves of the budget."""
    lengths = sorted(_length(item[field]) for item in shown)
    spare = budget - sum(map(_size, shown)) + sum(lengths)
    if sum(lengths) <= spare:
        return NO_LIMIT
    for position, length in enumerate(lengths):
        share = spare // (len(lengths) - position) - len(',"truncated":true')
        if length > share:
            return share
        spare -= length
    return NO_LIMIT


def _length(text: str) -> int:
    """Characters of the text in JSON: quotes and line ends take two there, control characters six."""
    return len(orjson.dumps(text).decode()) - 2


def _within(text: str, limit: int) -> int:
    """How many of the text's characters take at most `limit` characters of JSON, at least one."""
    if _length(text) <= limit:
        return len(text)
    ends = accumulate(map(_length, text))
    return max(sum(1 for _ in takewhile(lambda end: end <= limit, ends)), 1)


def _size(item: Json) -> int:
    return len(orjson.dumps(item).decode()) + 1


def _cut(item: Json, field: str, limit: int) -> None:
    item[field], was_cut = cut(item[field], limit)
    if was_cut:
        item["truncated"] = True


def _short_permalink(item: Json) -> None:
    if "permalink" in item and "title" in item:  # posts alone have such a form
        item["permalink"] = f"https://redd.it/{item['id']}"


def _short_title(item: Json) -> None:
    if "title" in item:
        _cut(item, "title", _within(item["title"], LONGEST_TITLE))


def _shortest_title(item: Json) -> None:
    if "title" in item:
        _cut(item, "title", _within(item["title"], SHORTEST_TITLE))


def _without_url(item: Json) -> None:
    item.pop("url", None)


def _without_flair(item: Json) -> None:
    item.pop("link_flair_text", None)


def _one_picture(item: Json) -> None:
    if len(item.get("gallery", ())) > 1:
        item["gallery"], item["truncated"] = [{"url": item["gallery"][0]["url"]}], True


def _without_parts(item: Json) -> None:
    if {"gallery", "poll", "video_url"} & item.keys():
        item["truncated"] = True
    for name in ("gallery", "poll", "video_url"):
        item.pop(name, None)
    if "crosspost_of" in item:
        item["crosspost_of"] = {"id": item["crosspost_of"]["id"]}


SHORTER = (
    _short_permalink,
    _one_picture,
    _short_title,
    _without_url,
    _without_parts,
    _without_flair,
    _shortest_title,
)
"""What an item gives up, in this order."""
