"""Every kind of failure, produced for real and read back by clients of other makers, in one session each.

`UPDATE_SNAPSHOTS=1` rewrites the snapshots, so that every change that a client sees shows in a review.
"""

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.failing_servers import SERVERS, Call, Json, serving
from tests.conformance.foreign import HERE, Foreign, output
from tests.support.asgi_requests import JSON

pytestmark = pytest.mark.timeout(900)  # downloads

SNAPSHOTS = HERE / "snapshots"
WRONG_KEY = "rmcp_wrong"
CHANGING = {
    "trace_id",
    "retry_after_seconds",
    "window_reset_at",
    "request_id",
    "position",
    "estimated_wait_seconds",
    "status_url",
}
VARYING = re.compile(r"\d+(?:\.\d+)?(?= seconds?\b)|(?<=position )\d+|(?<=127\.0\.0\.1:)\d+|\b[0-9a-f]{32}\b")

Client = Callable[[Foreign, str, list[Call], str], list[Json]]


def _script(program: Path, script: str, url: str, calls: list[Call], **variables: str) -> list[Json]:
    done = output(program, HERE / script, given=json.dumps(calls), environment={"MCP_URL": url, **variables})
    assert done.returncode == 0, done.stderr
    found: list[Json] = json.loads(done.stdout)
    return found


def _python2(mode: str) -> Client:
    def client(_: Foreign, url: str, calls: list[Call], key: str) -> list[Json]:
        return _script(Path(sys.executable), "python2.py", url, calls, MCP_MODE=mode, MCP_KEY=key)

    return client


def _python1(foreign: Foreign, url: str, calls: list[Call], key: str) -> list[Json]:
    return _script(foreign.python, "python1.py", url, calls, MCP_KEY=key)


def _typescript1(foreign: Foreign, url: str, calls: list[Call], key: str) -> list[Json]:
    return _script(foreign.node, "typescript1.mjs", url, calls, MCP_KEY=key, MCP_PACKAGES=str(foreign.packages))


def _inspector(foreign: Foreign, url: str, calls: list[Call], key: str) -> list[Json]:
    """The Inspector's command line makes one call a run."""
    program = foreign.module("@modelcontextprotocol/inspector/clients/launcher/build/index.js")
    fixed: list[str | Path] = [foreign.node, program, "--cli", url, "--transport", "http", "--format", "json", "-q"]
    key_words = ["--header", f"X-API-Key: {key}"] if key else []
    return [_inspected(*fixed, *key_words, *_words(call)) for call in calls]


def _words(call: Call) -> list[str]:
    tool, arguments = call
    return ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments)]


def _inspected(*command: str | Path) -> Json:
    done = output(*command)
    if not done.stdout:
        return {"raised": json.loads(done.stderr)["error"]}
    result = json.loads(done.stdout)["result"]
    texts = [content["text"] for content in result["content"]]
    return {"is_error": result["isError"], "texts": texts, "structured": result["structuredContent"]}


CLIENTS: dict[str, Client] = {
    "python-2-2026": _python2("auto"),
    "python-2-2025": _python2("legacy"),
    "python-1": _python1,
    "typescript-1": _typescript1,
    "inspector": _inspector,
}


def _steady(value: Any) -> Any:
    """The value without what differs from run to run."""
    if isinstance(value, dict):
        return {key: "*" if key in CHANGING else _steady(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_steady(inner) for inner in value]
    if isinstance(value, str):
        return VARYING.sub("N", value)
    return value


def _checked(outcome: Json) -> Any:
    """The outcome as a snapshot shows it: the text says the same as the structured content, after its sentence."""
    if "texts" not in outcome:
        return _steady(outcome)
    (text,) = outcome["texts"]
    sentence, _, facts = text.partition("\n")
    assert json.loads(facts) == outcome["structured"]
    assert sentence == outcome["structured"]["error"]["message"]
    return _steady({"is_error": outcome["is_error"], **outcome["structured"]})


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of each server; they start at once."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        contexts = {name: serving(failing, tmp_path_factory.mktemp(name)) for name, failing in SERVERS.items()}
        yield dict(zip(contexts, pool.map(stack.enter_context, contexts.values()), strict=True))


def _reviewed(name: str, seen: Json) -> None:
    snapshot = SNAPSHOTS / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        snapshot.write_text(json.dumps(seen, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert seen == json.loads(snapshot.read_text(encoding="utf-8"))


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_client_makes_of_every_failure(client: str, foreign: Foreign, urls: dict[str, str]) -> None:
    seen: Json = {}
    for name, failing in SERVERS.items():
        if failing.calls:
            outcomes = CLIENTS[client](foreign, urls[name], list(failing.calls.values()), "")
            seen.update(zip(failing.calls, map(_checked, outcomes), strict=True))
    assert "hunter2" not in json.dumps(seen)
    for kind, outcome in seen.items():
        assert kind == "unknown_tool" or kind.startswith(outcome["error"]["type"])
    _reviewed(client, seen)


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_client_makes_of_a_locked_door(client: str, foreign: Foreign, urls: dict[str, str]) -> None:
    calls: list[Call] = [("get_user_info", {"username": "other"})]
    without, wrong = (_steady(CLIENTS[client](foreign, urls["locked"], calls, key)) for key in ("", WRONG_KEY))
    assert without == wrong
    assert WRONG_KEY not in json.dumps(wrong)
    _reviewed(f"{client}-locked", without[0])


def test_what_stands_in_the_locked_door(urls: dict[str, str]) -> None:
    answer = httpx.post(urls["locked"], json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (401, -32001, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="reddit-mcp", error="invalid_token"'
    assert "X-API-Key" in error["message"]


def test_no_snapshot_is_left_over() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == {
        f"{name}{end}" for name in CLIENTS for end in ("", "-locked")
    }
