"""What the tests of PRAW share: a scripted Reddit, the transport over it, and questions."""

import contextlib
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from reddit_mcp.errors import Failure
from reddit_mcp.models import Branches, Listing, Subreddit
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from reddit_mcp.upstream.source import Query
from tests.support.reddit_shapes import t5
from tests.support.scripted_reddit import Reply, ScriptedReddit

CLIENT_ID = "client-4711"
SECRET = "hush-hush-hush"
PATIENCE = 2.0
"""Seconds that a hasty transport waits."""
HTML = b"<!doctype html><html><head><title>Blocked</title></head><body>whoa there</body></html>"
ABOUT = Query(kind="subreddit", model=Subreddit, resource="community r/kettles", path="/r/kettles/about")
HOT = Query(
    kind="listing", model=Listing, resource="community r/kettles", path="/r/kettles/hot", params=(("limit", "5"),)
)
MORE = Query(
    kind="comments",
    model=Branches,
    resource="post 1abc2d",
    path="/api/morechildren",
    params=(("children", "a,b"), ("link_id", "t3_1abc2d")),
    method="POST",
)


@pytest.fixture
def reddit() -> Iterator[ScriptedReddit]:
    server = ScriptedReddit()
    server.answer = lambda _request: Reply(body=t5())
    with server.running():
        yield server


@contextlib.asynccontextmanager
async def transport(
    url: str, *, threads: int = 2, within: float = 20.0, site: str = ""
) -> AsyncIterator[PrawTransport]:
    source = PrawTransport(
        RedditApplication(CLIENT_ID, SECRET, "test:kettles:1 (by /u/nobody)", url, site or url, within), threads
    )
    try:
        yield source
    finally:
        await source.aclose()


@pytest.fixture
async def source(reddit: ScriptedReddit) -> AsyncIterator[PrawTransport]:
    async with transport(reddit.url) as opened:
        yield opened


@pytest.fixture
async def hasty(reddit: ScriptedReddit) -> AsyncIterator[PrawTransport]:
    """One thread and little patience."""
    async with transport(reddit.url, threads=1, within=PATIENCE) as opened:
        yield opened


async def failure_of(source: PrawTransport, query: Query[Any] = ABOUT) -> Failure:
    with pytest.raises(Failure) as caught:
        await source.fetch(query)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.data)
    assert SECRET not in told
    assert "token-" not in told
    assert CLIENT_ID not in str(caught.value)
    return caught.value


def always(*replies: Reply) -> Any:
    """These replies in turn, then the last again and again."""
    left = list(replies)
    return lambda *_: left.pop(0) if len(left) > 1 else left[0]
