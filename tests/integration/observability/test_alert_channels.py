"""Alerts arrive: posted as JSON, in Slack's and PagerDuty's form, as e-mail; a channel that is down harms no other."""

import asyncio
import email
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reddit_mcp.alerting import alert_manager
from reddit_mcp.alerting.alert_channels import Send, channels
from reddit_mcp.container import open_container
from reddit_mcp.errors import UpstreamError
from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.server_process import NOWHERE, listening

ALERT = {
    "rule": "rate_limit_high",
    "severity": "warning",
    "status": "firing",
    "message": "85% in use.",
    "timestamp": "2027-01-15T08:00:00+00:00",
    "metrics": {"utilization": 0.85},
}


class Receiver:
    """Takes whatever is posted, by path; answers `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.status = 200

    async def take(self, request: Request) -> Response:
        self.got.append((request.url.path, json.loads(await request.body())))
        return Response(status_code=self.status)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def url(receiver: Receiver) -> AsyncIterator[str]:
    app = Starlette(routes=[Route("/{path:path}", receiver.take, methods=["POST"])])
    async with listening(app, log_level="critical") as url:
        yield url


@asynccontextmanager
async def opened(store: Store, **settings: Any) -> AsyncIterator[dict[str, Send]]:
    async with httpx.AsyncClient() as http:
        breakers = BreakerRegistry(store)
        yield channels(Settings(_env_file=None, **settings), http, breakers)
        await breakers.aclose()


async def test_each_channel_in_its_own_form(store: Store, receiver: Receiver, url: str) -> None:
    settings = {
        "alert_webhook_url": f"{url}/hook",
        "alert_slack_url": f"{url}/slack",
        "alert_pagerduty_key": "routing",
        "alert_pagerduty_url": f"{url}/pager",
    }
    async with opened(store, **settings) as found:
        assert list(found) == ["webhook", "slack", "pagerduty"]
        for send in found.values():
            await send(ALERT)
        await found["pagerduty"]({**ALERT, "status": "resolved"})
    got = dict(receiver.got[:3])
    assert got["/hook"] == ALERT
    assert got["/slack"] == {"text": "[warning] rate_limit_high firing: 85% in use. (2027-01-15T08:00:00+00:00)"}
    assert got["/pager"]["routing_key"] == "routing"
    assert got["/pager"]["payload"]["severity"] == "warning"
    actions = [(body["event_action"], body["dedup_key"]) for path, body in receiver.got if path == "/pager"]
    assert actions == [("trigger", "reddit-mcp:rate_limit_high"), ("resolve", "reddit-mcp:rate_limit_high")]


async def test_a_channel_that_fails_is_tried_again_and_tells_no_secret(
    store: Store, receiver: Receiver, url: str
) -> None:
    receiver.status = 500
    async with opened(store, alert_slack_url=f"{url}/T0/secret") as found:
        with pytest.raises(UpstreamError) as failed:
            await found["slack"](ALERT)
    assert len(receiver.got) == 3
    assert "secret" not in f"{failed.value} {failed.value.data}"
    assert failed.value.data["upstream_service"] == "alert_slack"


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[int, list[str]]]:
    """The least of SMTP (RFC 5321); gives its port and the letters."""
    letters: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().upper():
            if line.startswith("DATA"):
                writer.write(b"354 go on\r\n")
                letters.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            writer.write(b"250 fine\r\n" if not line.startswith("QUIT") else b"221 bye\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], letters


async def test_by_mail(store: Store) -> None:
    async with mail_server() as (port, letters):
        settings = {"alert_email_to": "ann@example.com, bea@example.com", "smtp_url": f"smtp://127.0.0.1:{port}"}
        async with opened(store, **settings) as found:
            await found["email"](ALERT)
    letter = email.message_from_string(letters[0])
    assert letter["Subject"] == "[reddit-mcp] rate_limit_high firing"
    assert letter["To"] == "ann@example.com, bea@example.com"
    assert "85% in use." in letter.get_payload()


async def test_a_password_is_not_sent_unencrypted(store: Store) -> None:
    async with mail_server() as (port, letters):
        settings = {"alert_email_to": "ann@example.com", "smtp_url": f"smtp://ann:secret@127.0.0.1:{port}"}
        async with opened(store, **settings) as found:
            with pytest.raises(UpstreamError):
                await found["email"](ALERT)
    assert letters == []


async def test_mail_that_is_not_taken(store: Store) -> None:
    async with opened(store, alert_email_to="ann@example.com", smtp_url="smtp://127.0.0.1:9") as found:
        with pytest.raises(UpstreamError):
            await found["email"](ALERT)


async def test_a_server_whose_source_is_down_says_so(
    tmp_path: Path, receiver: Receiver, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a failing Reddit to the receiver: the breaker opens, one alert is told."""
    monkeypatch.setattr(alert_manager, "EVERY_SECONDS", 0.05)
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        data_source="reddit",
        reddit_client_id="mine",
        reddit_client_secret="secret",
        reddit_url=NOWHERE,
        reddit_oauth_url=NOWHERE,
        retry_attempts=1,
        breaker_failures=2,
        alert_webhook_url=f"{url}/hook",
    )
    async with open_container(settings) as server, asyncio.timeout(60):
        for number in range(4):
            await server.mcp.call_tool("get_user_info", {"username": f"name{number}"})
        while not receiver.got:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (_, alert), *more = receiver.got
    assert (alert["rule"], alert["status"]) == ("circuit_breaker_open", "firing")
    assert set(alert["metrics"]["breakers"]) <= {"reddit", "reddit_token"}
    assert not [each for _, each in more if each["rule"] == "circuit_breaker_open" and each["status"] == "firing"]
