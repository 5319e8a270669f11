"""The eight tools over each source: Reddit's own API, an archive of ours, Arctic Shift."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from reddit_mcp.mcp_server.server import RedditServer
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from tests.support.arctic_shift import Bench
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.tools_in_process import call, server_over

Json = Any


@dataclass
class Tools:
    """The tools over one source."""

    server: RedditServer

    async def __call__(self, tool: str, **arguments: Json) -> Json:
        """The structured content of a tool's answer."""
        return await call(self.server, tool, **arguments)

    async def refused(self, tool: str, **arguments: Json) -> str:
        """The sentence that says what to ask instead."""
        error = (await self(tool, **arguments))["error"]
        assert (error["type"], error["data"]["reason"]) == ("unavailable", "not_offered_by_source")
        return str(error["message"])


@contextlib.asynccontextmanager
async def over_reddit(url: str, edition: str = "") -> AsyncIterator[Tools]:
    """Over Reddit's API at an address; with an edition, over an archive."""
    praw = PrawTransport(RedditApplication("id", "secret", "test:kettles:1 (by /u/nobody)", url, url, 30, edition))
    try:
        yield Tools(server_over(praw))
    finally:
        await praw.aclose()


@contextlib.asynccontextmanager
async def over_archive(path: Path) -> AsyncIterator[Tools]:
    """Over an archive file."""
    with SqliteStore(path) as store, serving(store) as url:
        async with over_reddit(url, "test") as tools:
            yield tools


def over_arctic_shift(found: Bench) -> Tools:
    """Over the fake Arctic Shift."""
    return Tools(server_over(found.source))


@pytest.fixture
async def live(reddit: ScriptedReddit) -> AsyncIterator[Tools]:
    """The tools over a scripted Reddit."""
    async with over_reddit(reddit.url) as tools:
        yield tools


def listed(*children: Json, after: str | None = None) -> Reply:
    """A listing of Reddit's."""
    return Reply(body={"kind": "Listing", "data": {"children": list(children), "after": after}})


def link(identity: str, created: int, **fields: Any) -> Json:
    """A post in Reddit's listings."""
    data = {"id": identity, "title": f"Title of {identity}", "subreddit": "kettles", "created_utc": created}
    return {"kind": "t3", "data": data | fields}


def paged(reddit: ScriptedReddit, things: list[Json]) -> None:
    """Reddit's own paging over these things, newest first, by `limit` and `after`."""

    def answer(request: Request) -> Reply:
        names = [f"{thing['kind']}_{thing['data']['id']}" for thing in things]
        start = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        end = start + int(request.query["limit"])
        return listed(*things[start:end], after=names[end - 1] if end < len(things) else None)

    reddit.answer = answer
