"""Open streams: ended when nobody calls any more, and when the server drains.

A stream that waits for notices would keep a paid container of Apify alive for as long as a forgotten client holds it,
and would hold up the end of any server.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.errors import Unavailable
from reddit_mcp.event_wait import wait_for_event
from reddit_mcp.http.error_responses import refusal
from reddit_mcp.models import LOCAL, Caller

IDLE_SECONDS = 300.0
"""The contract's five minutes, on Apify."""

MOST_STREAMS = 8
"""Streams of one caller."""

SWEEP_SECONDS = 0.5
LAST_PIECE_SECONDS = 1.0
LAST_PIECE = {"type": "http.response.body", "body": b"", "more_body": False}


@dataclass(eq=False, slots=True)
class Stream:
    """A running answer of server-sent events, and the task that writes it."""

    task: "asyncio.Task[object]"
    begun: bool = False
    ended: bool = False

    def end(self) -> None:
        """Stop the answer; its server ends the response in order."""
        if not self.ended:
            self.ended = True
            self.task.cancel()


@dataclass(eq=False, slots=True)
class _Caller:
    heard: float
    quiet: bool = False
    streams: set[Stream] = field(default_factory=set)


class OpenStreams:
    """The streams of one server.

    Args:
        is_busy: whether a call of this caller is running; its answer may come on a stream.
        limit: seconds without a message of its caller after which a stream ends; None = never.
        clock: seconds that never jump.
    """

    def __init__(
        self, is_busy: Callable[[str], bool], limit: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_busy = is_busy
        self._limit = limit
        self._clock = clock
        self._callers: dict[str, _Caller] = {}
        self._closing = asyncio.Event()
        self._draining = False

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Look after the streams while the context is open."""
        task = asyncio.create_task(self._sweep_often())
        try:
            yield
        finally:
            self._closing.set()
            await task

    def heard(self, caller: str) -> None:
        """A message of this caller arrived."""
        if known := self._callers.get(caller):
            known.heard = self._clock()

    def opened(self, caller: str, stream: Stream) -> None:
        """A stream for this caller begins."""
        known = self._callers.setdefault(caller, _Caller(self._clock()))
        known.heard = self._clock()
        known.streams.add(stream)

    def has_room(self, caller: Caller) -> bool:
        """Whether this caller may open one more; a caller who is everybody there is always may."""
        known = self._callers.get(caller.id)
        return known is None or caller.tier == LOCAL.tier or len(known.streams) < MOST_STREAMS

    def closed(self, caller: str, stream: Stream) -> None:
        """It has ended."""
        known = self._callers[caller]
        known.streams.discard(stream)
        if not known.streams:
            del self._callers[caller]

    def drain(self) -> None:
        """End every stream as soon as the running calls of its caller are answered."""
        self._draining = True

    def sweep(self) -> None:
        """End the streams whose time has come; a call that has just ended is still being answered."""
        for name, caller in self._callers.items():
            was_quiet, caller.quiet = caller.quiet, not self._is_busy(name)
            if was_quiet and caller.quiet and (self._draining or self._is_idle(caller)):
                for stream in caller.streams:
                    stream.end()

    def _is_idle(self, caller: _Caller) -> bool:
        return self._limit is not None and self._clock() - caller.heard >= self._limit

    async def _sweep_often(self) -> None:
        while not self._closing.is_set():
            self.sweep()
            await wait_for_event(self._closing, SWEEP_SECONDS)


class IdleStreams:
    """The layer that knows every stream; it stands behind the authentication, for a stream belongs to its caller."""

    def __init__(self, app: ASGIApp, streams: OpenStreams) -> None:
        self._app = app
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; end its answer when it is a stream that was told to end."""
        task = asyncio.current_task()
        if scope["type"] != "http" or "caller" not in scope or task is None:
            await self._app(scope, receive, send)
            return
        if scope.get("path") == "/sse" and not self._streams.has_room(scope["caller"]):
            await refusal(_too_many(), scope.get("request_id", ""))(scope, receive, send)
            return
        caller, stream = scope["caller"].id, Stream(task)
        if scope["method"] == "POST":
            self._streams.heard(caller)
        try:
            await self._app(scope, receive, self._noticing(send, caller, stream))
        except asyncio.CancelledError:
            if not stream.ended or task.uncancel():
                raise
            with contextlib.suppress(TimeoutError):  # a client that does not read is not waited for
                async with asyncio.timeout(LAST_PIECE_SECONDS):
                    await send(LAST_PIECE)
        finally:
            if stream.begun:
                self._streams.closed(caller, stream)

    def _noticing(self, send: Send, caller: str, stream: Stream) -> Send:
        async def noticing(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_stream(message):
                stream.begun = True
                self._streams.opened(caller, stream)
            await send(message)

        return noticing


def _too_many() -> Unavailable:
    sentence = f"You have {MOST_STREAMS} streams open; close one first."
    return Unavailable(sentence, service="reddit-mcp", reason="overloaded", retry_after_seconds=1)


def _is_stream(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
