"""Servers that fail in every way there is: real processes over a scripted Reddit, with settings that hurry them."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.asgi_requests import JSON, call
from tests.support.patience import PATIENCE_SECONDS
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.server_process import address, environment

Json = dict[str, Any]
Call = tuple[str, Json]

ROOT = Path(__file__).parents[2]
FOREVER = "600"


def _hang(closing: threading.Event) -> Iterator[bytes]:
    closing.wait()
    yield b""


ANSWERS: dict[str, Reply] = {
    "missing": Reply(404, {"message": "Not Found", "error": 404}),
    "fails": Reply(500, b"oops"),
    "page": Reply(200, b"<html>We are busy</html>", {"content-type": "text/html"}),
    "limited": Reply(429, b"", {"retry-after": FOREVER}),
    "slow": Reply(raw=_hang),
}
"""What Reddit says of a user of this name."""


def user(name: str) -> Call:
    """The call that asks for a user."""
    return "get_user_info", {"username": name}


@dataclass(frozen=True)
class Failing:
    """A server.

    Attributes:
        calls: what to call there, by the kind of failure.
        before: calls that bring the server into its state.
        revoked: whether Reddit refuses the application.
    """

    calls: Mapping[str, Call]
    settings: Mapping[str, str] = field(default_factory=dict)
    before: tuple[Call, ...] = ()
    revoked: bool = False


WATCH = "watch_keywords"
KEYS = {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": "0123456789abcdef" * 4}
STRANGERS = {**KEYS, "ALLOW_ANONYMOUS": "1"}

SERVERS: dict[str, Failing] = {
    "patient": Failing(
        calls={
            "invalid_input": ("get_user_info", {"username": "a b", "usernam": 1}),
            "not_found": user("missing"),
            "upstream_error": user("fails"),
            "upstream_error_page": user("page"),
            "timeout": user("slow"),
            "internal": ("get_subreddit_info", {"subreddit": "kettles"}),
            "unknown_tool": ("get_user_inof", {}),
        },
        settings={"BREAKER_FAILURES": "1000", "BREAKER_WINDOW": "1000"},
    ),
    "limited": Failing(calls={"rate_limited_reddit": user("limited")}, before=(user("limited"), user("limited"))),
    "broken": Failing(
        calls={"unavailable_breaker": user("other")},
        settings={"BREAKER_FAILURES": "1", "BREAKER_WAIT": FOREVER, "BREAKER_LONGEST_WAIT": FOREVER},
        before=(user("fails"),),
    ),
    "revoked": Failing(calls={"unavailable_credentials": user("other")}, revoked=True),
    "poor": Failing(
        calls={"rate_limited_user": user("missing")},
        settings={**STRANGERS, "TIERS": '{"anonymous": {"month": 1}}'},
        before=(user("missing"),),
    ),
    "humble": Failing(
        calls={"forbidden": (WATCH, {"action": "create", "keywords": ["tea"], "check_interval": 60})},
        settings={**STRANGERS, "TIERS": '{"anonymous": {"watches": 0}}'},
    ),
    "locked": Failing(calls={}, settings={**KEYS, "LIST_WITHOUT_KEY": "0"}),
}

HURRIED = {
    "REDDIT_CLIENT_ID": "id",
    "REDDIT_CLIENT_SECRET": "secret",
    "REDDIT_TIMEOUT": "0.5",
    "CALL_TIMEOUT": "2",
    "RETRY_ATTEMPTS": "1",
    "RETRY_TIMEOUT_ATTEMPTS": "1",
}


@contextlib.contextmanager
def scripted(*, revoked: bool) -> Iterator[str]:
    """A Reddit; gives its address."""
    reddit = ScriptedReddit()
    reddit.answer = _answer
    if revoked:
        reddit.token = lambda _: Reply(401, {"message": "Unauthorized", "error": 401})
    with reddit.running():
        yield reddit.url


def _answer(request: Request) -> Reply:
    return next((reply for name, reply in ANSWERS.items() if f"/{name}" in request.path), Reply(body={}))


@contextlib.contextmanager
def serving(failing: Failing, data_dir: Path) -> Iterator[str]:
    """The server, brought into its state; gives its MCP address."""
    with scripted(revoked=failing.revoked) as reddit:
        addresses = {"REDDIT_OAUTH_URL": reddit, "REDDIT_URL": reddit}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.broken_server", "serve", "--port", "0"],
            env=environment(data_dir, **HURRIED, **addresses, **failing.settings),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            url = address(process) + "/mcp"
            for tool, arguments in failing.before:
                httpx.post(url, json=call(tool, **arguments), headers=JSON, timeout=PATIENCE_SECONDS).raise_for_status()
            yield url
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_SECONDS)
