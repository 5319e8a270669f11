"""Evaluates the rules once a minute on one of all replicas, and tells what is new: begun, grown worse, or over."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, cast

from reddit_mcp.alerting.alert_channels import Alert, Send
from reddit_mcp.alerting.alert_rules import RANK, Figures, Finding, Severity, findings
from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.event_wait import Repetition
from reddit_mcp.observability import metrics
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.alert_states import AlertState, AlertStates
from reddit_mcp.storage.redis.lease import Lease

EVERY_SECONDS = 60.0
COOLDOWN_SECONDS = 900.0
LEASE_SECONDS = 90

Measure = Callable[[], Awaitable[Figures]]


class AlertManager:
    """An async context manager that evaluates while it is open. While Redis is away nobody does.

    Args:
        measure: gives the figures.
        lease: makes it one replica at a time.
        states: what was told already.
        channels: where it is told, beside the log.
        now: seconds since 1970.
    """

    def __init__(
        self,
        measure: Measure,
        lease: Lease,
        states: AlertStates,
        channels: Mapping[str, Send],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._measure = measure
        self._lease = lease
        self._states = states
        self._channels = channels
        self._now = now
        self._often = Repetition(self._evaluate_safely, EVERY_SECONDS)
        self._log = logger(__name__)

    async def __aenter__(self) -> Self:
        self._often.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._often.end()

    async def evaluate(self) -> None:
        """Look once.

        Raises:
            Unavailable: Redis is away.
        """
        if not await self._lease.hold(LEASE_SECONDS):
            return
        states = await self._states.read()
        found = {finding.rule: finding for finding in findings(await self._measure())}
        for finding in found.values():
            if self._is_new(finding, states.get(finding.rule)):
                await self._states.write(finding.rule, AlertState(finding.severity, self._now(), active=True))
                await self._tell(finding, "firing")
        for rule, state in states.items():
            if state.active and rule not in found:
                await self._states.write(rule, AlertState(state.severity, state.told_at, active=False))
                await self._tell(Finding(rule, "info", f"{rule} is over.", {}), "resolved")

    def _is_new(self, finding: Finding, told: AlertState | None) -> bool:
        """Whether it is worth telling: for the first time, after the cooldown, or because it has grown worse."""
        if told is None or self._now() - told.told_at >= COOLDOWN_SECONDS:
            return True
        return told.active and RANK[finding.severity] > RANK[cast("Severity", told.severity)]

    async def _tell(self, finding: Finding, status: str) -> None:
        alert: dict[str, Any] = {
            "rule": finding.rule,
            "severity": finding.severity,
            "status": status,
            "message": finding.message,
            "timestamp": datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds"),
            "metrics": finding.metrics,
        }
        metrics.count(metrics.ALERTS, finding.rule, finding.severity)
        getattr(self._log, finding.severity)("alert", **{k: v for k, v in alert.items() if k != "timestamp"})
        await asyncio.gather(*(self._send(name, send, alert) for name, send in self._channels.items()))

    async def _send(self, name: str, send: Send, alert: Alert) -> None:
        try:
            await send(alert)
        except Failure as failure:
            self._log.error("alert_undelivered", channel=name, rule=alert["rule"], reason=str(failure))

    async def _evaluate_safely(self) -> None:
        try:
            with contextlib.suppress(Unavailable):
                await self.evaluate()
        except Exception:  # noqa: BLE001 - a fault must not end the watch over faults
            self._log.critical("alerts_crashed", exc_info=True)
