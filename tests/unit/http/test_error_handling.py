"""From a failure anywhere below to what the caller reads and what the operator finds in the log."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from reddit_mcp import errors
from reddit_mcp.errors import Failure
from reddit_mcp.http.middleware.request_guard import RequestGuard
from reddit_mcp.mcp_server.streamable_http import StreamableHttp
from reddit_mcp.metering.call_log import CallLog
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.observability.logs import logger
from tests.support.asgi_requests import JSON, call, error_of, http, pieces, server
from tests.support.patience import PATIENCE_SECONDS

SECRET = "/home/ada/secret"
FAILURES: list[tuple[Failure, str]] = [
    (errors.NotFound("There is no such user.", resource="user"), "warning"),
    (errors.Forbidden("That is not yours."), "warning"),
    (errors.RateLimited("Too fast.", limit_type="user", retry_after_seconds=3), "warning"),
    (errors.RateLimited("Reddit is busy.", limit_type="reddit_api", retry_after_seconds=3), "error"),
    (errors.Unavailable("Reddit is down.", service="reddit", reason="breaker_open"), "error"),
    (errors.UpstreamError("Reddit failed.", status_code=500, upstream_service="reddit"), "error"),
    (errors.DeadlineExceeded("Too slow.", operation="x", timeout=1.0), "error"),
]


def log_of(caught: list[Any]) -> dict[str, Any]:
    (line,) = [line for line in caught if line["event"] == "tool_failed"]
    return dict(line)


@pytest.mark.parametrize(("failure", "_level"), FAILURES, ids=lambda value: getattr(value, "type", value))
async def test_a_failure_below_reaches_the_caller_as_it_is(failure: Failure, _level: str) -> None:
    async with http(server(lambda: failure)) as client:
        answer = await client.post("/mcp", json=call("get_user_info", username="ada"))
    result = answer.json()["result"]
    error = error_of(answer)
    assert (answer.status_code, result["isError"]) == (200, True)
    assert (error["code"], error["type"], error["message"]) == (failure.code, failure.type, str(failure))
    assert error["data"] == {
        "category": failure.category,
        "trace_id": answer.headers["x-request-id"],
        **failure.data,
    }
    sentence, _, text = result["content"][0]["text"].partition("\n")
    assert (sentence, json.loads(text)) == (str(failure), {"error": error})


@pytest.mark.parametrize("development", [False, True])
async def test_a_bug_is_told_to_the_log_and_only_to_developers(development: bool) -> None:
    broken = server(lambda: RuntimeError(SECRET), development=development)
    with capture_logs() as caught:
        async with http(broken) as client:
            answer = await client.post("/mcp", json=call("get_user_info", username="ada"))
    error = error_of(answer)
    assert (error["type"], error["data"]["error_type"]) == ("internal", "internal_error")
    assert (SECRET in answer.text) == development
    assert "trace id" in error["message"]
    assert {line["log_level"] for line in caught} == {"critical"}
    assert any(isinstance(line.get("exc_info"), RuntimeError) for line in caught)


async def test_a_tool_that_takes_too_long_is_ended() -> None:
    ended = asyncio.Event()

    async def hang() -> BaseException:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with http(server(hang, deadline=0.05)) as client:
        answer = await client.post("/mcp", json=call("get_user_info", username="ada"))
    error = error_of(answer)
    assert (error["type"], error["data"]["operation"], error["data"]["timeout"]) == ("timeout", "get_user_info", 0.05)
    assert ended.is_set()


async def test_a_caller_who_hangs_up_ends_the_tool() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> BaseException:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    body = pieces(json.dumps(call("get_user_info", username="ada")).encode())

    async def receive() -> Any:
        message = await body()
        if message["type"] == "http.disconnect":
            await begun.wait()
        return message

    async def send(_message: Any) -> None:
        """Nobody listens."""

    front = StreamableHttp(server(hang).lowlevel)
    headers = [(name.encode(), value.encode()) for name, value in JSON.items()]
    async with front.run(), asyncio.timeout(PATIENCE_SECONDS):
        await front({"type": "http", "method": "POST", "path": "/mcp", "headers": headers}, receive, send)
    assert ended.is_set()


async def test_a_caller_who_wants_progress_gets_a_stream() -> None:
    message = call("get_user_info", username="ada")
    message["params"]["_meta"] = {"progressToken": "p"}
    async with http(server(lambda: errors.NotFound("No."))) as client:
        answer = await client.post("/mcp", json=message)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert '"not_found"' in answer.text


async def test_an_unknown_tool_is_a_protocol_error_with_the_nearest_name() -> None:
    with pytest.raises(MCPError) as caught:
        await server().call_tool("get_user_inof", {})
    assert caught.value.error.code == -32602
    assert "get_user_info" in caught.value.error.message


async def test_bad_arguments_never_reach_reddit() -> None:
    def unreachable() -> BaseException:
        raise AssertionError

    async with http(server(unreachable)) as client:
        answer = await client.post("/mcp", json=call("get_user_info", username="a b", limit=0, x=1))
    assert {issue["field"] for issue in error_of(answer)["data"]["issues"]} == {"username", "limit", "x"}


ADA = Caller(id="user:ada", tier="free")


def test_a_call_is_one_line_without_the_callers_name() -> None:
    log = CallLog(logger("x"), b"secret")
    with capture_logs() as caught:
        for metadata in ({"cached": True, "stale": True}, {"cached": True}, {"cached": False}):
            outcome = CallToolResult(content=[], structured_content={"metadata": metadata})
            log.note("search_reddit", ADA, None, outcome, trace_id="t", duration_ms=3)
        log.note("search_reddit", ADA, None, CallToolResult(content=[]), trace_id="t", duration_ms=3)
    assert [line.pop("cache") for line in caught] == ["stale", "hit", "miss", "miss"]
    assert caught[0] == caught[1] == caught[2] == caught[3]
    assert "ada" not in json.dumps(caught)
    assert (caught[0]["tool"], caught[0]["tier"], caught[0]["log_level"]) == ("search_reddit", "free", "info")
    assert (caught[0]["trace_id"], caught[0]["duration_ms"]) == ("t", 3)


@pytest.mark.parametrize(
    ("failure", "level"),
    [
        *FAILURES,
        (errors.InvalidInput("No."), "warning"),
        (errors.Unauthenticated("No."), "warning"),
        (errors.Unavailable("Spent.", reason="charge_limit"), "warning"),
        (errors.Internal("Oh."), "critical"),
    ],
    ids=lambda value: getattr(value, "type", value),
)
def test_how_loud_a_failure_is(failure: Failure, level: str) -> None:
    with capture_logs() as caught:
        CallLog(logger("x"), b"secret").note("search_reddit", LOCAL, failure, None, trace_id="t")
    line = log_of(list(caught))
    assert (line["log_level"], line["error_type"], line["trace_id"]) == (level, failure.type, "t")


def enveloped(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(RequestGuard(app, (), ()), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_a_bug_outside_the_tools_has_the_same_face() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError(SECRET)

    with capture_logs() as caught:
        async with enveloped(broken) as client:
            answer = await client.get("/stats", headers={"x-request-id": "trace-me-01"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "trace-me-01")
    assert (answer.json()["error"]["type"], answer.json()["error"]["data"]["trace_id"]) == ("internal", "trace-me-01")
    assert SECRET not in answer.text
    assert [(line["event"], line["log_level"]) for line in caught] == [("request_crashed", "critical")]


async def test_an_answer_that_breaks_off_stays_broken() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("half")(scope, receive, send)
        raise RuntimeError(SECRET)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    scope = {"type": "http", "method": "GET", "path": "/x", "headers": [(b"host", b"localhost")]}
    with capture_logs(), pytest.raises(RuntimeError):
        await RequestGuard(broken, (), ())(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_what_is_no_http_passes_unchanged() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    nothing: Any = None
    await RequestGuard(app, (), ())({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]
