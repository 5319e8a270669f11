"""Every kind of failure, produced for real and read back by clients of other makers, in one session each.

`UPDATE_SNAPSHOTS=1` rewrites the snapshots, so that every change that a client sees shows in a review.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.foreign import HERE, Foreign, output
from tests.running import address, environment
from tests.scripted_reddit import Reply, Request, ScriptedReddit

pytestmark = pytest.mark.timeout(600)  # downloads

Json = dict[str, Any]
Call = tuple[str, Json]

SNAPSHOTS = HERE / "snapshots"
MASTER_KEY = "0123456789abcdef" * 4
CHANGING = ("trace_id", "retry_after_seconds", "window_reset_at", "request_id", "estimated_wait_seconds", "status_url")


def _hang(closing: threading.Event) -> Iterator[bytes]:
    closing.wait()
    yield b""


REDDIT: dict[str, Reply] = {
    "missing": Reply(404, {"message": "Not Found", "error": 404}),
    "fails": Reply(500, b"oops"),
    "page": Reply(200, b"<html>We are busy</html>", {"content-type": "text/html"}),
    "limited": Reply(429, b"", {"retry-after": "600"}),
    "slow": Reply(raw=_hang),
}


def _reddit(request: Request) -> Reply:
    return next((reply for name, reply in REDDIT.items() if f"/{name}" in request.path), Reply(body={}))


@pytest.fixture(scope="module")
def reddit() -> Iterator[ScriptedReddit]:
    scripted = ScriptedReddit()
    scripted.answer = _reddit
    with scripted.running():
        yield scripted


@contextlib.contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.broken_server", "serve", "--port", "0"],
        env=environment(data_dir, **settings),
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield address(process) + "/mcp"
    finally:
        process.terminate()
        process.communicate(timeout=40)


def user(name: str) -> Call:
    return "get_user_info", {"username": name}


PATIENT = {"BREAKER_FAILURES": "1000", "BREAKER_WINDOW": "1000", "RETRY_ATTEMPTS": "1", "RETRY_TIMEOUT_ATTEMPTS": "1"}
QUICK = {"REDDIT_TIMEOUT": "0.5", "CALL_TIMEOUT": "2"}

SERVERS: dict[str, tuple[dict[str, str], dict[str, Call]]] = {
    "plain": (
        {**PATIENT, **QUICK},
        {
            "invalid_input": ("get_user_info", {"username": "a b", "usernam": 1}),
            "not_found": user("missing"),
            "upstream_error": user("fails"),
            "upstream_error_page": user("page"),
            "timeout": user("slow"),
            "internal": ("get_subreddit_info", {"subreddit": "kettles"}),
            "unknown_tool": ("get_user_inof", {}),
            "rate_limited": user("limited"),
        },
    ),
    "breaker": (
        {"BREAKER_FAILURES": "1", "RETRY_ATTEMPTS": "1", **QUICK},
        {"before": user("fails"), "unavailable": user("other")},
    ),
}


Client = Callable[[Foreign, str, list[Call]], list[Json]]


def _script(program: Path, script: str, url: str, calls: list[Call], **variables: str) -> list[Json]:
    done = output(program, HERE / script, given=json.dumps(calls), MCP_URL=url, **variables)
    assert done.returncode == 0, done.stderr
    found: list[Json] = json.loads(done.stdout)
    return found


def _inspector(foreign: Foreign, url: str, calls: list[Call]) -> list[Json]:
    program = foreign.module("@modelcontextprotocol/inspector/clients/launcher/build/index.js")
    fixed = [foreign.node, program, "--cli", url, "--transport", "http", "--format", "json", "-q"]
    found = []
    for tool, arguments in calls:
        words = ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments)]
        done = output(*fixed, *words)
        if not done.stdout:
            found.append({"raised": json.loads(done.stderr)["error"]})
            continue
        result = json.loads(done.stdout)["result"]
        texts = [content["text"] for content in result["content"]]
        found.append({"is_error": result["isError"], "texts": texts, "structured": result["structuredContent"]})
    return found


CLIENTS: dict[str, Client] = {
    "python-2-2026": lambda _, url, calls: _script(Path(sys.executable), "python2.py", url, calls, MCP_MODE="auto"),
    "python-2-2025": lambda _, url, calls: _script(Path(sys.executable), "python2.py", url, calls, MCP_MODE="legacy"),
    "python-1": lambda foreign, url, calls: _script(foreign.python, "python1.py", url, calls),
    "typescript-1": lambda foreign, url, calls: _script(
        foreign.node, "typescript1.mjs", url, calls, MCP_PACKAGES=str(foreign.packages)
    ),
    "inspector": _inspector,
}


def _steady(value: Any) -> Any:
    """The value without what differs from run to run."""
    if isinstance(value, dict):
        return {key: "*" if key in CHANGING else _steady(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_steady(inner) for inner in value]
    return re.sub(r"\d+(?:\.\d+)? (second|minute)s?", r"N \1s", value) if isinstance(value, str) else value


def _checked(outcome: Json) -> Json:
    """The outcome as a snapshot shows it: the text says the same as the structured content, after its sentence."""
    if "texts" not in outcome:
        return dict(_steady(outcome))
    (text,) = outcome["texts"]
    sentence, _, facts = text.partition("\n")
    assert json.loads(facts) == outcome["structured"]
    assert sentence == outcome["structured"]["error"]["message"]
    return dict(_steady({"is_error": outcome["is_error"], **outcome["structured"]}))


@pytest.fixture(scope="module")
def urls(reddit: ScriptedReddit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    account = {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "secret", "RETRY_BASE": "0"}
    addresses = {"REDDIT_OAUTH_URL": reddit.url, "REDDIT_URL": reddit.url}
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(serving(tmp_path_factory.mktemp(name), **account, **addresses, **settings))
            for name, (settings, _) in SERVERS.items()
        }


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_client_makes_of_every_failure(client: str, foreign: Foreign, urls: dict[str, str]) -> None:
    seen: Json = {}
    for name, (_, calls) in SERVERS.items():
        outcomes = CLIENTS[client](foreign, urls[name], list(calls.values()))
        seen.update(zip(calls, map(_checked, outcomes), strict=True))
    assert "hunter2" not in json.dumps(seen)
    snapshot = SNAPSHOTS / f"{client}.json"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        snapshot.write_text(json.dumps(seen, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert seen == json.loads(snapshot.read_text(encoding="utf-8"))
