"""The plain HTTP side: methods, limits, foreign names, probes, and how the process ends."""

import asyncio
import json
import signal
from pathlib import Path

import httpx
import pytest

from tests.support.patience import PATIENCE_SECONDS
from tests.support.server_process import address, command

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_only_post_is_served_on_the_stateless_endpoint(base_url: str, method: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.request(method, base_url + "/mcp")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_an_answer_is_one_json_body_with_a_request_id(base_url: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(base_url + "/mcp", json=LIST, headers={**JSON, "x-request-id": "trace-me-01"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == "trace-me-01"
    assert len(answer.json()["result"]["tools"]) == 8


async def test_an_error_carries_the_request_id_as_its_trace(base_url: str) -> None:
    call = {**LIST, "method": "tools/call", "params": {"name": "get_user_info", "arguments": {"username": "!"}}}
    async with httpx.AsyncClient() as http:
        answer = await http.post(base_url + "/mcp", json=call, headers={**JSON, "x-request-id": "trace-me-02"})
    error = answer.json()["result"]["structuredContent"]["error"]
    assert error["data"]["trace_id"] == "trace-me-02"


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("host", "evil.example", 421),
        ("host", "127.0.0.1.evil.example", 421),
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "http://localhost:3000", 200),
    ],
)
async def test_foreign_names_are_refused(base_url: str, header: str, value: str, status: int) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(base_url + "/mcp", json=LIST, headers={**JSON, header: value})
    assert answer.status_code == status
    assert answer.text


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_above_one_megabyte_is_413(base_url: str, chunked: bool) -> None:
    async def parts() -> object:
        for _ in range(20):
            yield b" " * 65_536

    async with httpx.AsyncClient() as http:
        content = parts() if chunked else b" " * 1_310_720
        answer = await http.post(base_url + "/mcp", content=content, headers=JSON)  # type: ignore[arg-type]
    assert answer.status_code == 413
    assert "1 MB" in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"id": 1}', b"\xff\xfe", b"[" * 5000, b'"x"'])
async def test_garbage_is_a_client_error_and_never_a_crash(base_url: str, body: bytes) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(base_url + "/mcp", content=body, headers=JSON)
    assert 400 <= answer.status_code < 500


async def test_unknown_paths_are_plain_404_also_below_well_known(base_url: str) -> None:
    async with httpx.AsyncClient() as http:
        for path in ("/nope", "/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server/mcp"):
            answer = await http.get(base_url + path)
            assert answer.status_code == 404
            error = answer.json()["error"]
            assert (error["code"], error["type"], error["data"]["resource"]) == (-32003, "not_found", "page")
            assert error["data"]["trace_id"] == answer.headers["x-request-id"]


async def test_a_wrong_method_is_told_like_every_other_mistake(base_url: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.delete(base_url + "/usage")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    assert (answer.json()["error"]["type"], answer.json()["error"]["message"]) == (
        "invalid_input",
        "Method Not Allowed.",
    )


async def test_health_under_any_name(base_url: str) -> None:
    async with httpx.AsyncClient(headers={"host": "probe.internal"}) as http:
        assert (await http.get(base_url + "/health/live")).json() == {"alive": True}
        assert (await http.get(base_url + "/health/ready")).json() == {"ready": True, "reason": ""}
        health = (await http.get(base_url + "/health")).json()
    assert health["status"] == "healthy"
    assert set(health["components"]["redis"]) == {"status", "message", "response_time_ms", "last_check"}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_with_0(tmp_path: Path, ending: signal.Signals) -> None:
    with command("serve", "--port", "0", data_dir=tmp_path) as process:
        url = await asyncio.to_thread(address, process)
        async with httpx.AsyncClient() as http, http.stream("GET", url + "/sse") as stream:
            assert stream.status_code == 200  # an open stream does not hold the exit up
            process.send_signal(ending)
            assert await asyncio.to_thread(process.wait, 20) == 0


def test_a_taken_port_is_one_clear_line(tmp_path: Path, base_url: str) -> None:
    port = base_url.rpartition(":")[2]
    with command("serve", "--port", port, data_dir=tmp_path) as process:
        assert process.wait(PATIENCE_SECONDS) == 1
        assert process.stderr is not None
        line = process.stderr.read()
    assert line.startswith(f"mcp-for-reddit: Cannot listen on 127.0.0.1:{port}")
    assert line.count("\n") == 1


def test_the_announcement_is_a_client_config(tmp_path: Path) -> None:
    with command("serve", "--port", "0", data_dir=tmp_path) as process:
        url = address(process)
        assert process.stdout is not None
        assert "Paste" in process.stdout.readline()
        config = json.loads("".join(process.stdout.readline() for _ in range(8)))
    assert config["mcpServers"]["reddit"]["url"] == url + "/mcp"
