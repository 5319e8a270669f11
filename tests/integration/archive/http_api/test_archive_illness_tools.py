"""What each of Reddit's illnesses is to a client of the real server."""

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server_process import command, server
from tests.support.tool_calls import Json, asking

TOKEN_PATH = "/api/v1/access_token"


@contextmanager
def ill_reddit(data_dir: Path) -> Iterator[str]:
    """A Reddit over the sample archive that is ill on command."""
    with command("archive", "serve", "--port", "0", "--ill", data_dir=data_dir) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+?(?=;)", process.stdout.readline())
        assert found
        yield found[0]


def patient(data_dir: Path, reddit: str) -> Any:
    """A server of that Reddit, impatient enough for a test, and with a budget for all that tests ask."""
    own = {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "secret", "REDDIT_QPM": "5000"}
    patience = {"REDDIT_TIMEOUT": "1", "CALL_TIMEOUT": "6"}
    return server(data_dir, **own, **patience, REDDIT_URL=reddit, REDDIT_OAUTH_URL=reddit)


@pytest.fixture(scope="module")
def reddit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ill_reddit(tmp_path_factory.mktemp("reddit")) as url:
        yield url


@pytest.fixture(scope="module")
def url(reddit: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with patient(tmp_path_factory.mktemp("server"), reddit) as url:
        yield url


async def tell(reddit: str, **order: Json) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.post(f"{reddit}/__ill", json=order)).raise_for_status()


async def asked(reddit: str) -> list[str]:
    """The paths of the requests for data that reached Reddit."""
    async with httpx.AsyncClient(trust_env=False) as client:
        seen = (await client.get(f"{reddit}/__ill/seen")).json()["requests"]
    return [each["path"] for each in seen if each["path"] != TOKEN_PATH]


NUMBERS = itertools.count()


async def convalesce(ask: Callable[..., Any]) -> bool:
    """Enough good answers, none of them from a cache, that no circuit breaker opens for one illness after another."""
    queries = [f"sample -word{next(NUMBERS)}" for _ in range(8)]
    answers = [await ask("search_reddit", query=query, time_filter="all", limit=1) for query in queries]
    return all(answer.get("results") for answer in answers)


async def complain(url: str, community: str) -> Json:
    """The error that a community's posts end in; the server is well again afterwards."""
    async with asking(url) as ask:
        answer = await ask("get_subreddit_posts", subreddit=community)
        healthy = await convalesce(ask)
    assert healthy
    error = answer["error"]
    assert error["message"]
    assert error["data"]["trace_id"]
    return error


CODES = {
    "not_found": (-32003, "client_error"),
    "rate_limited": (-32004, "rate_limit"),
    "unavailable": (-32005, "server_error"),
    "upstream_error": (-32006, "external_api"),
    "timeout": (-32007, "timeout"),
}


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("401", "unavailable", {"service": "reddit", "reason": "reddit_credentials"}),
        ("private", "not_found", {"reason": "private", "resource": "community r/ill_private"}),
        ("gated", "not_found", {"reason": "gated"}),
        ("quarantined", "not_found", {"reason": "quarantined"}),
        ("banned", "not_found", {"reason": "banned"}),
        ("missing", "not_found", {"resource": "community r/ill_missing"}),
        ("blocked", "upstream_error", {"status_code": 403, "upstream_service": "reddit"}),
        ("500", "upstream_error", {"status_code": 500, "upstream_service": "reddit"}),
        ("500_html", "upstream_error", {"status_code": 500}),
        ("502", "upstream_error", {"status_code": 502}),
        ("502_html", "upstream_error", {"status_code": 502}),
        ("503", "upstream_error", {"status_code": 503}),
        ("503_html", "upstream_error", {"status_code": 503}),
        ("html", "upstream_error", {"status_code": 200}),
        ("cut", "upstream_error", {"status_code": 200}),
        ("hang", "timeout", {}),
        ("drip", "timeout", {}),
    ],
)
async def test_an_illness_is_an_error_of_its_kind(url: str, name: str, kind: str, data: Json) -> None:
    error = await complain(url, f"ill_{name}")
    code, category = CODES[kind]
    assert (error["type"], error["code"], error["data"]["category"]) == (kind, code, category)
    assert data.items() <= error["data"].items()
    if kind == "timeout":
        assert error["data"]["operation"]
        assert 1 <= error["data"]["timeout"] <= 6


async def test_what_is_not_found_is_asked_for_once(url: str, reddit: str) -> None:
    before = len(await asked(reddit))
    await complain(url, "ill_private+ill_gated")
    new = (await asked(reddit))[before:]
    assert [path for path in new if "ill_" in path] == ["/r/ill_private+ill_gated/hot"]


@pytest.mark.parametrize(("name", "wait"), [("429", 1), ("429_bare", 30)])
async def test_a_refusal_for_too_many_requests(tmp_path: Path, reddit: str, name: str, wait: int) -> None:
    """A server of its own: Reddit's word holds for all that it asks."""
    with patient(tmp_path, reddit) as url:
        async with asking(url) as ask:
            error = (await ask("get_subreddit_posts", subreddit=f"ill_{name}"))["error"]
    assert (error["type"], error["code"], error["data"]["limit_type"]) == ("rate_limited", -32004, "reddit_api")
    assert error["data"]["retry_after_seconds"] >= wait


@pytest.mark.parametrize("name", ["token_401", "token_invalid_grant"])
async def test_credentials_that_reddit_refuses(tmp_path: Path, reddit: str, name: str) -> None:
    await tell(reddit, all=name)
    try:
        with patient(tmp_path, reddit) as url:
            async with asking(url) as ask:
                error = (await ask("get_subreddit_posts", subreddit="all"))["error"]
    finally:
        await tell(reddit, clear=True)
    assert (error["type"], error["data"]["reason"]) == ("unavailable", "reddit_credentials")
    assert "secret" not in json.dumps(error)


async def test_reddit_s_budget_is_not_overdrawn(tmp_path: Path, reddit: str) -> None:
    await tell(reddit, budget=3)
    before = len(await asked(reddit))
    try:
        with patient(tmp_path, reddit) as url:
            async with asking(url) as ask:
                answers = [await ask("search_reddit", query=f"sample -word{at}", time_filter="all") for at in range(5)]
        reached = (await asked(reddit))[before:]
    finally:
        await tell(reddit, clear=True)
    assert ["results" in answer for answer in answers] == [True, True, True, False, False]
    assert answers[2]["metadata"]["reddit_rate_limit_remaining"] == 0
    for answer in answers[3:]:
        assert (answer["error"]["type"], answer["error"]["data"]["limit_type"]) == ("rate_limited", "reddit_api")
    assert len(reached) == 3


async def test_many_at_once_meet_a_healthy_reddit_again(url: str, reddit: str) -> None:
    await tell(reddit, next="private", times=2)
    async with asking(url) as ask:
        calls = [ask("search_reddit", query=f"sample -many{at}", time_filter="all", limit=1) for at in range(6)]
        answers = await asyncio.gather(*calls)
        healthy = await convalesce(ask)
    assert sum("error" in answer for answer in answers) == 2
    assert healthy
