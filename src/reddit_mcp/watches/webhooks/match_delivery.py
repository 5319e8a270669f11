"""Carrying matches further: to clients that listen, and to the watch's webhook until it has taken them."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel

from reddit_mcp.errors import NotFound, Unavailable
from reddit_mcp.models import Match, Watch
from reddit_mcp.observability import metrics
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.storage.watches.delivery_records import DeliveryRecords, DeliveryState
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.watches.background_jobs import BackgroundJobs
from reddit_mcp.watches.ports import Clock
from reddit_mcp.watches.webhooks.webhook_sender import NotDelivered, WebhookSender
from reddit_mcp.watches.webhooks.webhook_signing import SigningSecrets

JOB = "webhook"
TOPIC = "watches"
"""Notices of this topic carry the id of a watch that has matched."""

RETRY_SECONDS = (60, 300, 1_800, 7_200, 14_400, 19_440)
"""Waits before the six retries: 1 and 5 minutes, half an hour, 2 h, 4 h, and the rest of 12 h."""

LAST_SECONDS = sum(RETRY_SECONDS)
OVERLOAD_SECONDS = (0.5, 5.0)
"""How long a message that finds no place waits for its next chance, at least and at most."""

WRITE_AGAIN_SECONDS = 0.5

LONGEST_FAILING = 3 * 86_400
"""A watch whose receiver has taken nothing for so long is paused."""


class _Message(BaseModel):
    """The payload of a job: the match, for the store of matches may have dropped it when the last retry is due."""

    owner: str
    url: str
    match: Match


class MatchDelivery:
    """Tells of matches; its jobs do the sending, in whichever process has a place.

    A message is repeated only where a process died, or was stopped, between sending it and writing that down, and then
    with the same `webhook-id`.
    """

    def __init__(
        self,
        watches: WatchStore,
        deliveries: DeliveryRecords,
        webhooks: WebhookSender,
        signing: SigningSecrets,
        jobs: BackgroundJobs,
        notices: PubSub,
        clock: Clock,
    ) -> None:
        self._watches = watches
        self._deliveries = deliveries
        self._webhooks = webhooks
        self._signing = signing
        self._jobs = jobs
        self._notices = notices
        self._clock = clock
        jobs.handle(JOB, self._run)

    async def matched(self, watch: Watch, matches: Sequence[Match]) -> None:
        """Take over matches that are already stored; the same ones may come again.

        Raises:
            Unavailable: Redis is away; they must come again.
        """
        if watch.webhook_url and matches:
            await self._post_all(watch, matches)
        if matches:
            await self._notices.send(TOPIC, watch.watch_id)

    async def _post_all(self, watch: Watch, matches: Sequence[Match]) -> None:
        ids = [match.match_id for match in matches]
        await self._deliveries.begin(watch.watch_id, ids, int(self._clock.now()))
        known = await self._deliveries.get(watch.watch_id, ids)
        messages = (
            _Message(owner=watch.owner, url=watch.webhook_url or "", match=match)
            for match in matches
            if (state := known.get(match.match_id)) is None or state.is_new
        )
        payloads = {_message_id(message.match): message.model_dump(mode="json") for message in messages}
        await self._jobs.enqueue_all(JOB, payloads)

    async def _post(self, message: _Message, at: float) -> None:
        await self._jobs.enqueue(JOB, _message_id(message.match), message.model_dump(mode="json"), at)

    async def _run(self, payload: Mapping[str, Any]) -> None:
        """Deliver one message in a place for its host, or put it off."""
        message = _Message.model_validate(payload)
        with self._webhooks.place(message.url) as is_kept:
            if is_kept:
                await self._deliver(message)
            else:
                await self._post(message, self._clock.now() + random.uniform(*OVERLOAD_SECONDS))  # noqa: S311

    async def _deliver(self, message: _Message) -> None:
        """Send one message, unless that has been done, or is not yet due."""
        match, now = message.match, self._clock.now()
        found = await self._deliveries.get(match.watch_id, [match.match_id])
        state = found.get(match.match_id) or DeliveryState(began_utc=int(now))
        if state.state != "pending":
            return
        if state.next_attempt_utc and state.next_attempt_utc > now:
            await self._post(message, state.next_attempt_utc)
            return
        try:
            watch = await self._watches.get(message.owner, match.watch_id)
        except NotFound:  # deleted since
            await self._deliveries.forget(match.watch_id)
            return
        await self._attempt(watch, message, state)

    async def _attempt(self, watch: Watch, message: _Message, state: DeliveryState) -> None:
        match = message.match
        try:
            await self._send(watch, match)
        except NotDelivered as failure:
            metrics.count(metrics.WEBHOOKS, "failed")
            await self._failed(watch, message, state, failure)
            return
        metrics.count(metrics.WEBHOOKS, "delivered")
        done = {"state": "delivered", "attempts": state.attempts + 1, "ended_utc": int(self._clock.now())}
        await self._taken(match, state.model_copy(update={**done, "next_attempt_utc": None, "error": None}))

    async def _taken(self, match: Match, delivered: DeliveryState) -> None:
        """Write that the receiver has it, however long Redis is away: unwritten, it would be sent again."""
        while True:
            try:
                await self._deliveries.well(match.watch_id)
                return await self._deliveries.put(match.watch_id, match.match_id, delivered)
            except Unavailable:
                await asyncio.sleep(WRITE_AGAIN_SECONDS)

    async def _send(self, watch: Watch, match: Match) -> None:
        if watch.pause_reason:
            raise NotDelivered(f"The watch was paused: {watch.pause_reason}", final=True, sent=False)
        secret = self._signing.opened(watch.webhook_secret or "")
        if secret is None:
            lost = "The server has lost this watch's signing secret; create the watch anew."
            raise NotDelivered(lost, final=True, sent=False)
        await self._webhooks.send(watch.webhook_url or "", _message_id(match), _body(match), secret)

    async def _failed(self, watch: Watch, message: _Message, state: DeliveryState, failure: NotDelivered) -> None:
        now, match_id = int(self._clock.now()), message.match.match_id
        attempts = state.attempts + failure.sent
        at = None if failure.final else _next(state.began_utc, attempts, now, failure)
        ending = {"state": "failed", "ended_utc": now} if at is None else {}
        facts = {"attempts": attempts, "error": str(failure), "next_attempt_utc": at, **ending}
        await self._deliveries.put(watch.watch_id, match_id, state.model_copy(update=facts))
        if at is not None:
            await self._post(message, at)
        await self._judge(watch, failure, now)

    async def _judge(self, watch: Watch, failure: NotDelivered, now: int) -> None:
        """Pause a watch whose receiver is gone, or has been failing for days."""
        if not failure.sent:
            return
        since = await self._deliveries.fault(watch.watch_id, str(failure), now)
        if failure.final:
            reason = f"{failure} Resume the watch when it does."
        elif now - since >= LONGEST_FAILING:
            reason = f"The webhook has failed for 3 days. Latest: {failure} Resume the watch when it works again."
        else:
            return
        await self._watches.set_status(watch.owner, watch.watch_id, "paused", reason)


def _next(began: int, attempts: int, now: int, failure: NotDelivered) -> int | None:
    """When to try again: by the schedule, later where the receiver asks, never after 12 hours; None = give up."""
    end = began + LAST_SECONDS
    if attempts > len(RETRY_SECONDS) or now >= end:
        return None
    step = RETRY_SECONDS[attempts - 1] if failure.sent else 1
    return min(now + max(step, round(failure.retry_after or 0)), end)


def _message_id(match: Match) -> str:
    return f"msg_{match.watch_id}_{match.match_id}"


def _body(match: Match) -> str:
    """The same bytes at every attempt, as long as the match is the same."""
    moment = datetime.fromtimestamp(match.matched_utc, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {"watch_id": match.watch_id, "match": match.model_dump(mode="json")}
    return orjson.dumps({"type": "watch.matched", "timestamp": moment, "data": data}).decode()
