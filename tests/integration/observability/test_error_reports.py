"""What a Sentry endpoint hears of a real process: errors, scrubbed; nothing of callers' mistakes."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from reddit_mcp import __version__
from tests.support.sentry_endpoint import Json, SentryEndpoint, sentry
from tests.support.server_process import NOWHERE, environment, server
from tests.support.tool_calls import asking

REDDIT = {"DATA_SOURCE": "reddit", "REDDIT_CLIENT_ID": "mine", "REDDIT_CLIENT_SECRET": "secret-of-mine"}
DOWN = {**REDDIT, "REDDIT_URL": NOWHERE, "REDDIT_OAUTH_URL": NOWHERE, "RETRY_ATTEMPTS": "1"}

SCRIPT = """
from reddit_mcp.errors import InvalidInput
from reddit_mcp.observability import error_reports, logs
from reddit_mcp.settings import Settings

settings = Settings()
logs.configure("INFO")
error_reports.configure(settings)
log = logs.logger("reddit_mcp.test")

def fails(password):
    raise KeyError("no token=abcdefgh12345 for ann@example.com, u/ann_b at 192.0.2.7")

log.info("fine")
log.warning("tool_failed", error_type="invalid_input")
try:
    fails("hunter2hunter2")
except KeyError as bug:
    log.critical("tool_crashed", tool="search_reddit", user="ann", exc_info=bug)
try:
    raise InvalidInput("Wrong.")
except InvalidInput:
    log.error("refused", exc_info=True)
"""


async def heard(endpoint: SentryEndpoint, number: int) -> list[Json]:
    async with asyncio.timeout(30):
        while len(endpoint.events) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return endpoint.events


async def test_a_server_reports_what_reddit_does_and_not_what_callers_do(tmp_path: Path) -> None:
    with sentry() as endpoint:
        with server(tmp_path, **DOWN, SENTRY_DSN=endpoint.dsn, ENVIRONMENT="staging") as url:
            async with asking(url) as ask:
                await ask("get_user_info", username="bad name!!")
                assert (await ask("get_user_info", username="ann_b"))["error"]["type"] == "upstream_error"
                (event, *_) = await heard(endpoint, 1)
        assert {each["logentry"]["message"] for each in endpoint.events} == {"tool_failed"}
    assert (event["release"], event["environment"]) == (f"mcp-for-reddit@{__version__}", "staging")
    assert (event["extra"]["tool"], event["extra"]["error_type"]) == ("get_user_info", "upstream_error")
    text = json.dumps(endpoint.items)
    assert not any(secret in text for secret in ("ann_b", "secret-of-mine", "bad name"))
    assert event.keys().isdisjoint(("request", "user", "breadcrumbs", "server_name"))


def ran(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    everything = environment(tmp_path, **settings)
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=everything, cwd=tmp_path, capture_output=True, text=True, check=True
    )


def test_a_bug_has_its_stack_and_no_secret(tmp_path: Path) -> None:
    with sentry() as endpoint:
        assert ran(tmp_path, SENTRY_DSN=endpoint.dsn).stderr == ""
    (event,) = endpoint.events
    (error,) = event["exception"]["values"]
    assert (event["level"], event["logentry"]["message"], error["type"]) == ("fatal", "tool_crashed", "KeyError")
    assert [frame["function"] for frame in error["stacktrace"]["frames"]] == ["<module>", "fails"]
    assert error["value"] == "'no token=[REDACTED:PARAMETER] for [REDACTED:EMAIL], [REDACTED:USER] at [REDACTED:IP]'"
    assert event["extra"]["user"] == "[REDACTED:USER]"
    text = json.dumps(event)
    assert not any(secret in text for secret in ("hunter2", "abcdefgh12345", "ann@example.com", "192.0.2.7"))


def test_without_a_dsn_it_is_off(tmp_path: Path) -> None:
    with sentry() as endpoint:
        ran(tmp_path)
        assert endpoint.items == []


async def test_traces_where_they_are_asked_for(tmp_path: Path) -> None:
    with sentry() as endpoint:
        settings = {"SENTRY_DSN": endpoint.dsn, "SENTRY_TRACES_SAMPLE_RATE": "1", "SENTRY_PROFILES_SAMPLE_RATE": "1"}
        with server(tmp_path, **settings) as url:
            async with asking(url) as ask:
                await ask("search_reddit", query="a secret question", time_filter="all")
        kinds = {kind for kind, _ in endpoint.items}
    assert "transaction" in kinds
    assert "event" not in kinds
    assert "secret question" not in json.dumps(endpoint.items)
