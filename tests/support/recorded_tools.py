"""The tools over recorded traffic, and a plain reading of Reddit's JSON to compare them with."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from reddit_mcp.upstream.reddit_api.text.readable_text import readable
from tests.support.recorded_reddit import Exchange
from tests.support.scripted_reddit import ScriptedReddit
from tests.support.tools_in_process import call, server_over

Json = Any
WEB = "https://www.reddit.com"
PARTS = ("crosspost_of", "gallery", "video_url", "poll")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""What nobody sees in the recorded texts."""


class Recorded:
    """A server with our tools over a scripted Reddit."""

    def __init__(self, reddit: ScriptedReddit) -> None:
        self.reddit = reddit
        self.praw = PrawTransport(
            RedditApplication("id", "secret", "test:kettles:1 (by /u/nobody)", reddit.url, reddit.url, 30)
        )
        self._server = server_over(self.praw, lambda: self.praw.budget.remaining)

    async def call(self, tool: str, **arguments: Json) -> Json:
        """The structured content of a tool's answer."""
        self.reddit.requests.clear()
        return await call(self._server, tool, **arguments)

    async def told(self, exchange: Exchange, tool: str, **arguments: Json) -> Json:
        """The tool's answer when Reddit gives this recorded one."""
        self.reddit.answer = lambda _request: exchange.reply
        return await self.call(tool, **arguments)


@pytest.fixture
async def recorded(reddit: ScriptedReddit) -> AsyncIterator[Recorded]:
    opened = Recorded(reddit)
    yield opened
    await opened.praw.aclose()


def typed(value: Json, exchange: Exchange) -> str:
    """A text as its author typed it."""
    if not isinstance(value, str):
        return ""
    text = value if exchange.raw else value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return UNSEEN.sub("", text)


def told(data: Json, *flags: str) -> Json:
    """The fields of a thing that are shown only where they say something."""
    shown: Json = {name: True for name in flags if data.get(name) is True}
    if type(data.get("edited")) in (int, float):
        shown["edited_utc"] = int(data["edited"])
    return shown


def gone(data: Json, words: str) -> Json:
    """By whom it was removed, in so many words of Reddit's."""
    by = data.get("removed_by_category") or {"[removed]": "moderator", "[deleted]": "author"}.get(words)
    by = by or (data.get("banned_by") and "moderator")
    return {"removed": {"deleted": "author", "automod_filtered": "automoderator"}.get(by, by)} if by else {}


def has_film(data: Json) -> bool:
    films = [(data.get(place) or {}).get("reddit_video") for place in ("media", "secure_media")]
    return any([*films, (data.get("preview") or {}).get("reddit_video_preview")])


def parts(data: Json) -> set[str]:
    """Which parts beside its text a post has."""
    names = {
        "crosspost_of": data.get("crosspost_parent"),
        "gallery": data.get("gallery_data") and any("s" in each for each in data["media_metadata"].values()),
        "video_url": any(map(has_film, [data, *data.get("crosspost_parent_list", [])])),
        "poll": data.get("poll_data"),
    }
    return {name for name, there in names.items() if there}


def full_post(data: Json, exchange: Exchange) -> Json:
    hidden = data.get("hide_score") is True
    flair = typed(data.get("author_flair_text"), exchange)
    return {
        **told(data, "locked", "archived", "contest_mode"),
        **gone(data, data["selftext"]),
        **({"score_hidden": True} if hidden else {}),
        **({"author_flair_text": flair} if flair else {}),
        "type": "post",
        "id": data["id"],
        "title": typed(data["title"], exchange),
        "author": data["author"] or "[deleted]",
        "subreddit": data["subreddit"],
        "created_utc": int(data["created_utc"]),
        "score": None if hidden else data["score"],
        "upvote_ratio": data.get("upvote_ratio"),
        "num_comments": data["num_comments"],
        "url": (WEB if data["url"].startswith("/") else "") + typed(data["url"], exchange),
        "permalink": WEB + data["permalink"],
        "selftext": readable(typed(data["selftext"], exchange)),
        "link_flair_text": typed(data["link_flair_text"], exchange) or None,
        "is_self": data["is_self"],
        "is_video": bool(data.get("is_video")),
        "over_18": bool(data["over_18"]),
        "spoiler": bool(data.get("spoiler")),
        "stickied": bool(data["stickied"]),
    }


def full_comment(data: Json, exchange: Exchange, depth: int) -> Json:
    hidden = data.get("score_hidden") is True
    reason = data.get("collapsed_reason")
    return {
        **told(data),
        **gone(data, data["body"]),
        **({"score_hidden": True} if hidden else {}),
        **({"collapsed_reason": reason} if reason else {}),
        "type": "comment",
        "id": data["id"],
        "author": data["author"] or "[deleted]",
        "body": readable(typed(data["body"], exchange)),
        "score": None if hidden else data["score"],
        "created_utc": int(data["created_utc"]),
        "depth": depth,
        "parent_id": data["parent_id"],
        "is_submitter": bool(data.get("is_submitter")),
        "stickied": bool(data.get("stickied")),
        "distinguished": data.get("distinguished"),
    }


def of_kind(listing: Json, kind: str) -> list[Json]:
    return [child["data"] for child in listing["data"]["children"] if child["kind"] == kind]


def walk(listing: Json, depth: int = 0) -> Iterator[tuple[int, str, Json]]:
    for child in listing["data"]["children"]:
        yield depth, child["kind"], child["data"]
        if isinstance(child["data"].get("replies"), dict):
            yield from walk(child["data"]["replies"], depth + 1)


def flat(tree: list[Json]) -> Iterator[Json]:
    """A shown tree in reading order, each comment without its replies."""
    for comment in tree:
        yield {name: value for name, value in comment.items() if name != "replies"}
        yield from flat(comment["replies"])


def assert_posts(shown: list[Json], expected: list[Json], exchange: Exchange) -> None:
    assert len(shown) == len(expected), exchange.id
    for post, data in zip(shown, expected, strict=True):
        right = full_post(data, exchange)
        text = right["selftext"]
        assert {name for name in PARTS if post.pop(name, None)} == parts(data), (exchange.id, data["id"])
        if len(text) > 1000:
            assert post.pop("truncated") is True
            cut, right["selftext"] = post["selftext"], post["selftext"]
            assert cut.endswith("…")
            assert 790 <= len(cut) <= 1000
            assert text.startswith(cut[:-1])
        assert post == right, (exchange.id, data["id"])


def page_of(exchange: Exchange) -> tuple[list[Json], str | None]:
    """At most 100 things and the cursor behind them."""
    children = exchange.json["data"]["children"]
    things = [child for child in children if child["kind"] in ("t1", "t3")]
    if len(things) <= 100:
        return things, exchange.json["data"]["after"]
    return things[:100], f"{things[99]['kind']}_{things[99]['data']['id']}"
