"""API keys on real HTTP: clients over each transport, the command line beside the server, two replicas, outages."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from tests.support.asgi_requests import call
from tests.support.keyed_servers import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import servers
from tests.support.server_process import address, command, server

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
LIST_POSTS = ("get_subreddit_posts", {"subreddit": "all", "limit": 3})


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    master = secrets.token_urlsafe(32)
    return House(tmp_path_factory.mktemp("house"), {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": master})


@pytest.fixture(scope="module")
def url(house: House) -> Iterator[str]:
    with server(house.data_dir, **house.settings) as url:
        yield url


@pytest.fixture(scope="module")
def made(house: House, url: str) -> dict[str, Any]:
    return house.create("ada")


@pytest.fixture(scope="module")
def dead(house: House, url: str) -> dict[str, str]:
    """A key of each kind that does not work; the expired one is older than its days."""
    revoked = house.create("eve")
    assert house.run("revoke", revoked["id"]).returncode == 0
    expired = house.create("eve", "--expires", "1")
    _age(house, expired["id"])
    return {"wrong": "rmcp_" + "x" * 43, "revoked": revoked["key"], "expired": expired["key"]}


def _age(house: House, key_id: str) -> None:
    """Let a key have expired: its record's end moves into the past."""

    async def work() -> None:
        from reddit_mcp.settings import Settings
        from reddit_mcp.storage.api_keys.key_records import Change, KeyRecords
        from reddit_mcp.storage.redis.open_store import open_store

        async with open_store(Settings(_env_file=None, data_dir=house.data_dir, redis_url=None)) as store:
            records = KeyRecords(store)
            stored = await records.read(key_id)
            assert stored
            past = stored.record.model_copy(update={"expires_utc": int(time.time()) - 1})
            assert await records.commit([Change(stored.raw, past)])

    asyncio.run(work())


async def ping(url: str, key: str | None, path: str = "/mcp", message: dict[str, Any] | None = None) -> httpx.Response:
    headers = JSON if key is None else {**JSON, "authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        return await http.post(url + path, json=message or PING, headers=headers)


@contextlib.asynccontextmanager
async def over_http(url: str, mode: Any, **headers: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS) as http,
        Client(streamable_http_client(url + "/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_client_with_a_key_over_streamable_http(url: str, made: dict[str, Any], mode: str, header: str) -> None:
    value = made["key"] if header == "x-api-key" else f"Bearer {made['key']}"
    async with over_http(url, mode, **{header: value}) as client:
        answer = await client.call_tool(*LIST_POSTS)
    assert not answer.is_error


async def test_a_client_with_a_key_over_sse(url: str, made: dict[str, Any]) -> None:
    headers = {"x-api-key": made["key"]}
    async with sse_client(url + "/sse", headers=headers) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        assert not (await session.call_tool(*LIST_POSTS)).is_error


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("kind", ["wrong", "revoked", "expired"])
async def test_a_client_without_a_key_that_works_reads_how_to_send_one(
    url: str, dead: dict[str, str], mode: str, kind: str
) -> None:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - each client wraps it in its own way
        async with over_http(url, mode, authorization=f"Bearer {dead[kind]}"):
            pass
    assert "Authorization: Bearer" in "".join(map(str, _leaves(caught.value)))


def _leaves(error: BaseException) -> list[BaseException]:
    return (
        [leaf for part in error.exceptions for leaf in _leaves(part)]
        if isinstance(error, BaseExceptionGroup)
        else [error]
    )


async def test_sse_is_refused_without_a_key(url: str, dead: dict[str, str]) -> None:
    async with httpx.AsyncClient() as http:
        for path, method in (("/sse", "GET"), ("/messages/", "POST")):
            for headers in ({}, {"x-api-key": dead["revoked"]}):
                assert (await http.request(method, url + path, headers=headers)).status_code == 401


async def test_what_does_not_work_looks_the_same_to_strangers(url: str, dead: dict[str, str]) -> None:
    def face(answer: httpx.Response) -> Any:
        body, headers = answer.json(), dict(answer.headers)
        del body["error"]["data"]["trace_id"], headers["x-request-id"], headers["date"]
        return answer.status_code, body, headers

    asked = call("search_reddit", query="tea")  # without a key the lists are answered
    faces = [face(await ping(url, key, message=asked)) for key in (None, *dead.values())]
    assert faces == faces[:1] * 4
    assert faces[0][0] == 401
    assert faces[0][2]["www-authenticate"] == 'Bearer realm="reddit-mcp", error="invalid_token"'


async def test_open_pages_want_no_key(url: str) -> None:
    async with httpx.AsyncClient() as http:
        assert (await http.get(url + "/health/live")).status_code == 200
        assert (await http.get(url + "/.well-known/oauth-protected-resource/mcp")).status_code == 404
        assert (await http.get(url + "/unknown")).status_code == 401


async def test_a_session_of_another_user_does_not_exist(house: House, url: str, made: dict[str, Any]) -> None:
    bob = house.create("bob")["key"]
    async with (
        httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http,
        http.stream("GET", url + "/sse", headers={"x-api-key": made["key"]}) as stream,
    ):
        lines = stream.aiter_lines()  # held, for its end would be the stream's
        endpoint = await anext(line[6:] async for line in lines if line.startswith("data: "))
        for key, status in ((bob, 404), (made["key"], 202)):
            answer = await http.post(url + endpoint, json=PING, headers={"x-api-key": key})
            assert answer.status_code == status


async def test_a_revocation_reaches_every_replica_without_a_restart(house: House, url: str) -> None:
    made = house.create("mallory")
    with server(house.data_dir, **house.settings) as second:
        for replica in (url, second):
            assert (await ping(replica, made["key"])).status_code == 200
        assert (await asyncio.to_thread(house.run, "revoke", made["id"])).returncode == 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            for replica in (url, second):
                while (await ping(replica, made["key"])).status_code == 200:
                    pass


async def test_a_rotated_key_works_beside_its_successor_and_says_so(house: House, url: str) -> None:
    made = house.create("grace")
    assert "x-api-key-expires" not in (await ping(url, made["key"])).headers
    rotated = json.loads((await asyncio.to_thread(house.run, "rotate", made["id"])).stdout)
    assert (rotated["status"], rotated["affected_users"]) == ("rotated", ["grace"])
    new = rotated["keys"][0]
    assert (new["user"], new["replaces"]) == ("grace", made["id"])
    answer = await ping(url, new["key"])
    assert (answer.status_code, "x-api-key-expires" in answer.headers) == (200, False)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await ping(url, made["key"])).headers.get("x-api-key-expires") != rotated["dual_mode_until"]:
            pass


async def test_with_redis_paused_a_known_key_works_and_an_unknown_one_waits(
    house: House, url: str, made: dict[str, Any]
) -> None:
    unseen = house.create("late")["key"]
    assert (await ping(url, made["key"])).status_code == 200
    (store,) = servers(house.data_dir)
    os.kill(store, signal.SIGSTOP)
    try:
        assert (await ping(url, made["key"])).status_code == 200
        for key in (unseen, "wrong"):
            answer = await ping(url, key)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, -32005)
            assert int(answer.headers["retry-after"]) >= 1
    finally:
        os.kill(store, signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await ping(url, unseen)).status_code != 200:
            pass
    assert (await ping(url, made["key"])).status_code == 200


async def test_keys_of_a_retired_master_still_work(house: House, tmp_path: Path) -> None:
    old, new = secrets.token_hex(32), secrets.token_urlsafe(32)
    made = House(tmp_path, {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": old}).create("ada")
    for masters, status in ((f"{new},{old}", 200), (new, 200), (secrets.token_hex(32), 401)):
        with server(tmp_path, AUTH_MODE="api_key", MCP_MASTER_KEY=masters) as url:
            assert (await ping(url, made["key"])).status_code == status


async def test_no_key_is_in_any_log(house: House, made: dict[str, Any]) -> None:
    wrong, unused = "rmcp_" + secrets.token_urlsafe(32), secrets.token_hex(16)
    with command("serve", "--port", "0", data_dir=house.data_dir, LOG_LEVEL="DEBUG", **house.settings) as process:
        url = await asyncio.to_thread(address, process)
        for key in (made["key"], wrong):
            await ping(url, key)
            await ping(url, key, f"/mcp?token={unused}")
        async with over_http(url, "auto", authorization=f"Bearer {made['key']}") as client:
            await client.call_tool("get_user_info", {"username": "!"})
        with pytest.raises(BaseException):  # noqa: B017, PT011
            async with sse_client(url + "/sse", headers={"x-api-key": wrong}):
                pass
        process.terminate()
        output, errors = await asyncio.to_thread(process.communicate)
    logged = output + errors
    assert "key_refused" in logged
    for secret in (made["key"], wrong, unused, house.settings["MCP_MASTER_KEY"]):
        assert secret not in logged


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"AUTH_MODE": "api_key"}, "MCP_MASTER_KEY is required, because API keys are asked for"),
        ({"MCP_SERVER_HOST": "0.0.0.0"}, "MCP_MASTER_KEY is required, because API keys are asked for"),
        ({"REDIS_URL": "redis://127.0.0.1:1"}, "MCP_MASTER_KEY is required, because REDIS_URL is set"),
        ({"MCP_SERVER_HOST": "0.0.0.0", "AUTH_MODE": "none"}, "Refusing to serve everybody on 0.0.0.0"),
        ({"AUTH_MODE": "api_key", "MCP_MASTER_KEY": "hunter2"}, "MCP_MASTER_KEY must be 32 random bytes"),
        ({"TRUSTED_PROXIES": "the-proxy"}, "TRUSTED_PROXIES: "),
        ({"AUTH_MODE": "maybe"}, "AUTH_MODE: "),
    ],
)
def test_a_server_that_would_be_open_by_mistake_does_not_start(
    tmp_path: Path, settings: dict[str, str], part: str
) -> None:
    with command("serve", "--port", "0", data_dir=tmp_path, **settings) as process:
        assert process.wait(PATIENCE_SECONDS) == 1
        assert process.stderr
        said = process.stderr.read()
    assert part in said
    assert said.count("\n") == 1
    assert "hunter2" not in said


@pytest.mark.parametrize(("trusted", "status"), [("127.0.0.0/8", 401), ("", 429)])
async def test_strangers_are_told_apart_behind_a_trusted_proxy_alone(tmp_path: Path, trusted: str, status: int) -> None:
    settings = {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": secrets.token_hex(32), "TRUSTED_PROXIES": trusted}
    with server(tmp_path, **settings) as url:
        async with httpx.AsyncClient() as http:

            async def wrong(hop: str) -> int:
                headers = {"x-api-key": "wrong", "x-forwarded-for": hop}
                return (await http.get(url + "/mcp", headers=headers)).status_code

            for _ in range(200):
                if await wrong("198.51.100.1") == 429:
                    break
            assert [await wrong("198.51.100.1"), await wrong("198.51.100.2")] == [429, status]
