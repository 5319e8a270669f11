"""Where alerts go: an operator's webhook, Slack, PagerDuty, e-mail."""

import asyncio
import smtplib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import stamina

from reddit_mcp.errors import UpstreamError
from reddit_mcp.settings import Settings
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry

SECONDS = 10.0
ATTEMPTS = 3
SUBMISSION = 587
"""RFC 6409."""

Alert = Mapping[str, Any]
"""{rule, severity, message, timestamp, metrics, status: firing or resolved}."""

Send = Callable[[Alert], Awaitable[None]]
"""Delivers an alert; raises `Failure` where it cannot."""


def channels(settings: Settings, http: httpx.AsyncClient, breakers: BreakerRegistry) -> dict[str, Send]:
    """The channels of the settings by name, each behind a circuit breaker of its own."""
    alert, smtp = settings.alert, settings.smtp_url
    found: dict[str, Send] = {}
    if alert.webhook_url:
        found["webhook"] = _posting(http, alert.webhook_url.get_secret_value(), dict)
    if alert.slack_url:
        found["slack"] = _posting(http, alert.slack_url.get_secret_value(), _slack)
    if alert.pagerduty_key:
        key = alert.pagerduty_key.get_secret_value()
        found["pagerduty"] = _posting(http, alert.pagerduty_url, lambda told: _pagerduty(told, key))
    if alert.email_to and smtp:
        found["email"] = _mailing(smtp.get_secret_value(), alert.email_to)
    return {name: _guarded(send, breakers, f"alert_{name}") for name, send in found.items()}


def _guarded(send: Send, breakers: BreakerRegistry, name: str) -> Send:
    async def guarded(alert: Alert) -> None:
        async with breakers.get(name).guard():
            try:
                await send(alert)
            except (httpx.HTTPError, OSError, smtplib.SMTPException) as error:
                # the cause's text may hold the channel's address, which is a secret
                reason = type(error).__name__
                raise UpstreamError(f"The alert was not taken ({reason}).", upstream_service=name) from None

    return guarded


def _posting(http: httpx.AsyncClient, url: str, form: Callable[[Alert], dict[str, Any]]) -> Send:
    async def post(alert: Alert) -> None:
        async for attempt in stamina.retry_context(on=httpx.HTTPError, attempts=ATTEMPTS, timeout=None):
            with attempt:
                (await http.post(url, json=form(alert))).raise_for_status()

    return post


def _slack(alert: Alert) -> dict[str, Any]:
    """Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""
    return {"text": _line(alert)}


def _pagerduty(alert: Alert, key: str) -> dict[str, Any]:
    """Source: https://developer.pagerduty.com/docs/send-alert-event."""
    return {
        "routing_key": key,
        "event_action": "resolve" if alert["status"] == "resolved" else "trigger",
        "dedup_key": f"reddit-mcp:{alert['rule']}",
        "payload": {
            "summary": alert["message"],
            "source": "reddit-mcp",
            "severity": alert["severity"],
            "timestamp": alert["timestamp"],
            "custom_details": alert["metrics"],
        },
    }


def _mailing(url: str, receivers: str) -> Send:
    async def mail(alert: Alert) -> None:
        await asyncio.to_thread(_mail, url, receivers, alert)

    return mail


def _mail(url: str, receivers: str, alert: Alert) -> None:
    """`smtps://` is encrypted from the start, `smtp://` where the server offers it; a password goes out so alone."""
    place = urlsplit(url)
    kind, port = (smtplib.SMTP_SSL, smtplib.SMTP_SSL_PORT) if place.scheme == "smtps" else (smtplib.SMTP, SUBMISSION)
    user, encrypted = unquote(place.username or ""), place.scheme == "smtps"
    with kind(place.hostname or "", place.port or port, timeout=SECONDS) as server:
        server.ehlo()
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            encrypted = True
        if user and not encrypted:
            raise smtplib.SMTPNotSupportedError("no encryption")
        if user:
            server.login(user, unquote(place.password or ""))
        server.send_message(_letter(user, receivers, alert))


def _letter(user: str, receivers: str, alert: Alert) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = f"[reddit-mcp] {alert['rule']} {alert['status']}"
    letter["From"] = user if "@" in user else receivers.split(",", maxsplit=1)[0].strip()
    letter["To"] = receivers
    letter.set_content("\n".join([_line(alert), *(f"{name}: {value}" for name, value in alert["metrics"].items())]))
    return letter


def _line(alert: Alert) -> str:
    return f"[{alert['severity']}] {alert['rule']} {alert['status']}: {alert['message']} ({alert['timestamp']})"
