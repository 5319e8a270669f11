"""A Reddit that is ill on command, over real sockets: as a command, and met by the product's own transport."""

import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from reddit_mcp.errors import DeadlineExceeded, Failure, NotFound, RateLimited, Unavailable, UpstreamError
from reddit_mcp.models import Listing, User
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from reddit_mcp.upstream.source import Query
from tests.support.archive_records import archive, post
from tests.support.server_process import command, environment

TOKEN = {"authorization": "bearer token"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = archive(tmp_path_factory.mktemp("archive") / "ill.sqlite", post("a"), ("t2", {"name": "anna", "id": "1"}))
    with SqliteStore(path) as store, serving(store, ill=True) as url:
        yield url


@pytest.fixture
async def ill(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the ill Reddit, which is healthy again afterwards."""
    async with httpx.AsyncClient(base_url=url, headers=TOKEN, trust_env=False) as client:
        yield client
        await tell(client, clear=True)


async def tell(ill: httpx.AsyncClient, **order: Any) -> None:
    (await ill.post("/__ill", json=order)).raise_for_status()


async def seen(ill: httpx.AsyncClient) -> list[str]:
    return [each["path"] for each in (await ill.get("/__ill/seen")).json()["requests"]]


@contextlib.asynccontextmanager
async def transport(url: str, within: float = 10.0) -> AsyncIterator[PrawTransport]:
    source = PrawTransport(RedditApplication("id", "secret", "test:illness:1 (by /u/nobody)", url, url, within))
    try:
        yield source
    finally:
        await source.aclose()


def hot(community: str) -> Query[Listing]:
    path, resource = f"/r/{community}/hot", f"community r/{community}"
    return Query(kind="listing", model=Listing, resource=resource, path=path, params=(("limit", "5"),))


async def failure(url: str, query: Query[Any], within: float = 10.0) -> Failure:
    async with transport(url, within) as source:
        with pytest.raises(Failure) as caught:
            await source.fetch(query)
    return caught.value


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("401", Unavailable, {"reason": "reddit_credentials"}),
        ("private", NotFound, {"reason": "private"}),
        ("gated", NotFound, {"reason": "gated"}),
        ("quarantined", NotFound, {"reason": "quarantined"}),
        ("banned", NotFound, {"reason": "banned"}),
        ("missing", NotFound, {"resource": "community r/ill_missing"}),
        ("blocked", UpstreamError, {"status_code": 403}),
        ("429", RateLimited, {"limit_type": "reddit_api", "retry_after_seconds": 2}),
        ("429_bare", RateLimited, {"limit_type": "reddit_api", "retry_after_seconds": 60}),
        ("500", UpstreamError, {"status_code": 500}),
        ("500_html", UpstreamError, {"status_code": 500}),
        ("502", UpstreamError, {"status_code": 502}),
        ("502_html", UpstreamError, {"status_code": 502}),
        ("503", UpstreamError, {"status_code": 503}),
        ("503_html", UpstreamError, {"status_code": 503}),
        ("html", UpstreamError, {"status_code": 200}),
        ("cut", UpstreamError, {"status_code": 200}),
    ],
)
async def test_the_transport_tells_illnesses_apart(url: str, name: str, kind: type[Failure], data: Any) -> None:
    error = await failure(url, hot(f"ill_{name}"))
    assert type(error) is kind
    assert data.items() <= error.data.items()


@pytest.mark.parametrize("name", ["hang", "drip"])
async def test_the_transport_outlasts_neither_silence_nor_a_drip(url: str, name: str) -> None:
    error = await failure(url, hot(f"ill_{name}"), within=0.7)
    assert isinstance(error, DeadlineExceeded)


async def test_an_ill_user(url: str) -> None:
    about = Query(kind="user", model=User, resource="user u/ill_missing", path="/user/ill_missing/about")
    assert isinstance(await failure(url, about), NotFound)


@pytest.mark.parametrize("name", ["token_401", "token_invalid_grant"])
async def test_refused_credentials(url: str, ill: httpx.AsyncClient, name: str) -> None:
    await tell(ill, all=name)
    error = await failure(url, hot("first"))
    assert isinstance(error, Unavailable)
    assert error.data["reason"] == "reddit_credentials"


async def test_a_budget_ends_where_its_headers_say(url: str, ill: httpx.AsyncClient) -> None:
    await tell(ill, budget=2)
    async with transport(url) as source:
        for left in (1, 0):
            await source.fetch(hot("first"))
            assert source.budget.remaining == left
    beyond = await ill.get("/r/first/hot")
    assert (beyond.status_code, beyond.headers["x-ratelimit-remaining"]) == (429, "0.0")
    assert isinstance(await failure(url, hot("first")), RateLimited)


async def test_healthy_again(url: str, ill: httpx.AsyncClient) -> None:
    for told, kind in (({"all": "503"}, UpstreamError), ({"next": "html"}, UpstreamError)):
        await tell(ill, **told)
        assert isinstance(await failure(url, hot("first")), kind)
        await tell(ill, clear=True)
        async with transport(url) as source:
            answer = await source.fetch(hot("first"))
        assert [item.id for item in answer.value.items] == ["a"]


async def test_what_arrived_is_counted(url: str, ill: httpx.AsyncClient) -> None:
    before = len(await seen(ill))
    await failure(url, hot("ill_private"))
    assert (await seen(ill))[before:] == ["/api/v1/access_token", "/r/ill_private/hot"]


def announced(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = re.search(r"http://\S+?(?=;)", process.stdout.readline())
    assert found
    return found[0]


@pytest.mark.parametrize(("words", "status", "control"), [(["--ill"], 503, 204), ([], 302, 404)])
def test_the_command_is_ill_when_asked_to(tmp_path: Path, words: list[str], status: int, control: int) -> None:
    with command("archive", "serve", "--port", "0", *words, data_dir=tmp_path) as process:
        url = announced(process)
        with httpx.Client(base_url=url, headers=TOKEN, trust_env=False) as client:
            assert client.get("/r/ill_503/hot").status_code == status
            assert client.post("/__ill", json={"clear": True}).status_code == control
            assert client.get("/hot").json()["data"]["children"]


def test_a_taken_port_is_one_line(url: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "reddit_mcp", "archive", "serve", "--port", url.rsplit(":", 1)[1]]
    ended = subprocess.run(
        words, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert re.fullmatch(r"mcp-for-reddit: Cannot listen on port \d+: .*in use.*\n", ended.stderr)
