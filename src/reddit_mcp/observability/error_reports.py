"""Errors to Sentry: what is logged as an error or worse, scrubbed as the log is; off without SENTRY_DSN.

Mistakes of callers are logged as warnings, and so never sent. Of a request nothing is sent, neither body nor
headers; of the program no values of variables.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any

from reddit_mcp import __version__
from reddit_mcp.errors import CLIENTS_OWN, Failure
from reddit_mcp.observability.redaction import redact
from reddit_mcp.settings import Settings

LAST_WORD_SECONDS = 2.0
LEFT_OUT = ("breadcrumbs", "request", "user", "server_name")
Event = Any
"""Sentry's event, https://develop.sentry.dev/sdk/data-model/event-payloads/."""


def configure(settings: Settings) -> None:
    """Send errors from now on, if SENTRY_DSN is set."""
    if settings.sentry.dsn is None:
        return
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.integrations.starlette import StarletteIntegration

    measured = [StarletteIntegration(failed_request_status_codes=set())] if settings.sentry.traces_sample_rate else []
    sentry_sdk.init(
        dsn=settings.sentry.dsn.get_secret_value(),
        release=f"mcp-for-reddit@{__version__}",
        environment=settings.environment,
        server_name="",
        traces_sample_rate=settings.sentry.traces_sample_rate,
        profiles_sample_rate=settings.sentry.profiles_sample_rate,
        before_send=_error,
        before_send_transaction=_scrubbed,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            AtexitIntegration(callback=lambda _pending, _timeout: None),
            *measured,
        ],
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        send_default_pii=False,
        shutdown_timeout=LAST_WORD_SECONDS,
    )


def _error(event: Event, hint: Mapping[str, Any]) -> Event | None:
    """A log line as Sentry shows errors: its event is the title, its facts stand beside, its exception has a stack."""
    record = hint.get("log_record")
    fields: Any = getattr(record, "msg", None)
    error = hint["exc_info"][1] if "exc_info" in hint else None
    if isinstance(fields, Mapping):  # of our own loggers
        error = error or _raised(fields.get("exc_info"))
        facts = {name: value for name, value in fields.items() if name not in {"event", "exc_info"}}
        event |= {"logentry": {"message": str(fields.get("event"))}, "extra": facts, "exception": _stack(error)}
    if isinstance(error, Failure) and error.category in CLIENTS_OWN:
        return None
    return _scrubbed(event, hint)


def _raised(given: Any) -> BaseException | None:
    """The exception that a log line was given: itself, the present one, or as `sys.exc_info()` has it."""
    found = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    return found if isinstance(found, BaseException) else None


def _stack(error: BaseException | None) -> Any:
    from sentry_sdk.utils import exceptions_from_error_tuple

    return {"values": exceptions_from_error_tuple((type(error), error, error.__traceback__))} if error else None


def _scrubbed(event: Event, _hint: Mapping[str, Any]) -> Event:
    """Without secrets, addresses and names of people, as in the log."""
    kept = {name: value for name, value in event.items() if name not in LEFT_OUT and value is not None}
    return redact(None, "", kept)
