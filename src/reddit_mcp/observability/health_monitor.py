"""How each opened resource is: asked by its own ping, remembered for seconds, announced in the log when it changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, Self

from reddit_mcp.errors import Failure
from reddit_mcp.event_wait import Repetition
from reddit_mcp.observability import metrics
from reddit_mcp.observability.logs import logger

Ping = Callable[[], Awaitable[object]]
"""Asks a resource how it is: a text is its message, a `Failure` its trouble. It costs nobody's budget."""

Pings = Callable[[], Mapping[str, Ping]]

FRESH_SECONDS = 5.0
LOOK_SECONDS = 30.0

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Component:
    """A resource as it was found; times are ISO 8601 (UTC)."""

    status: Literal["healthy", "unhealthy"]
    message: str
    response_time_ms: float
    last_check: str


class HealthMonitor:
    """Asks the pings; an async context manager that asks by itself every half minute.

    Args:
        pings: by component; which there are may change.
        news: gives another value when a change is known that need not wait for the next look.
    """

    def __init__(self, pings: Pings, news: Callable[[], object] = bool) -> None:
        self._pings = pings
        self._news = news
        self._heard = news()
        self._found: Mapping[str, Component] = {}
        self._asked = float("-inf")
        self._asking = asyncio.Lock()
        self._degraded: frozenset[str] = frozenset()
        self._often = Repetition(self._look_in_turn, LOOK_SECONDS)

    async def __aenter__(self) -> Self:
        self._often.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._often.end()

    @property
    def degraded(self) -> frozenset[str]:
        """The components that were not healthy at the last look."""
        return self._degraded

    async def components(self) -> Mapping[str, Component]:
        """Each component as it was within the last seconds."""
        async with self._asking:
            if time.monotonic() - self._asked >= FRESH_SECONDS or self._news() != self._heard:
                await self._look()
                self._asked, self._heard = time.monotonic(), self._news()
            return self._found

    async def _look(self) -> None:
        pings = self._pings()
        found = await asyncio.gather(*map(_component, pings.values()))
        self._found = dict(zip(pings, found, strict=True))
        self._announce()

    def _announce(self) -> None:
        """Say once what has become worse, and when all is well again."""
        metrics.drop(metrics.COMPONENT_HEALTHY)
        for name, component in self._found.items():
            metrics.gauge(metrics.COMPONENT_HEALTHY, component.status == "healthy", name)
        ill = frozenset(name for name, component in self._found.items() if component.status != "healthy")
        metrics.gauge(metrics.SERVICE_DEGRADED, bool(ill))
        before, self._degraded = self._degraded, ill
        if worse := ill - before:
            reasons = {name: self._found[name].message for name in sorted(worse)}
            _log.error("service_degradation", components=sorted(ill), reasons=reasons)
        if before and not ill:
            _log.warning("service_recovery", components=sorted(before))

    async def _look_in_turn(self) -> None:
        async with self._asking:
            await self._look()


async def _component(ping: Ping) -> Component:
    started, status, message = time.perf_counter(), "healthy", "ok"
    try:
        said = await ping()
        message = said if isinstance(said, str) else message
    except Failure as failure:
        status, message = "unhealthy", str(failure)
    except Exception:  # noqa: BLE001 - a broken ping is a component that nobody knows of, and must not hide the others
        _log.critical("ping_crashed", exc_info=True)
        status, message = "unhealthy", "Its state cannot be told."
    taken = round((time.perf_counter() - started) * 1000, 1)
    return Component(status, message, taken, now())  # type: ignore[arg-type]


def now() -> str:
    """This moment in ISO 8601 (UTC)."""
    return datetime.now(UTC).isoformat(timespec="seconds")
