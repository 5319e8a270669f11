"""Live notices: a watch that matches is told to those of its owner's clients that listen, in every process.

Clients of the 2026 protocol listen by `subscriptions/listen`, older ones by `resources/subscribe` over a connection
that stays: SSE, stdio or a session. A notice only says that a watch changed; clients read the resource again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import anyio
from mcp.server.connection import Connection
from mcp.server.context import CallNext, ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.session import ServerSession
from mcp.server.subscriptions import ListenHandler, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.models import LOCAL, Caller, Watch
from reddit_mcp.storage.watches.watch_store import WatchStore

Ctx = ServerRequestContext[Any, Any]
Listener = Callable[[ServerEvent], None]

PREFIX = "reddit://watches/"
MOST_STREAMS, MOST_SUBSCRIPTIONS = 8, 64
"""Of one caller in one process; a caller who is everybody there is may subscribe to more."""

QUIET_SECONDS = 1.0
"""Notices come again after an outage of the store; then listeners are told once, not at each try to reach it."""

NO_SESSION = (
    "This connection has no session, so the server could not send you notices. Connect over /sse, ask the operator for "
    "MCP_SESSIONS=1, or use a client of protocol 2026-07-28, which listens by `subscriptions/listen`."
)


class Bus:
    """Who listens in this process (the SDK's SubscriptionBus).

    Attributes:
        listened: how many listen to each resource.
        held: how many subscriptions each caller has.
    """

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}
        self.listened: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def check(self, caller: Caller) -> None:
        """Look whether a caller may subscribe to one more.

        Raises:
            MCPError: it has too many.
        """
        if self.held[caller.id] >= MOST_SUBSCRIPTIONS and caller.tier != LOCAL.tier:
            sentence = f"You have {MOST_SUBSCRIPTIONS} subscriptions; end one first."
            raise _refused(Unavailable(sentence, reason="overloaded"))

    def heard(self, watch_id: str | None) -> None:
        """A watch matched somewhere; None = notices may have been missed."""
        if watch_id is not None:
            self._tell(ResourceUpdated(PREFIX + watch_id))
            return
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._tell_all)

    async def publish(self, event: ServerEvent) -> None:
        """Tell the listeners of this process."""
        self._tell(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of every event until the returned function is called."""
        token = object()
        self._listeners[token] = listener

        def unsubscribe() -> None:
            self._listeners.pop(token, None)

        return unsubscribe

    def join(self, uris: Iterable[str]) -> None:
        """Somebody listens to these."""
        self.listened.update(uris)

    def leave(self, uris: Iterable[str]) -> None:
        """And no longer does."""
        self.listened -= Counter(uris)

    def _tell(self, event: ServerEvent) -> None:
        for listener in tuple(self._listeners.values()):
            listener(event)

    def _tell_all(self) -> None:
        for uri in tuple(self.listened):
            self._tell(ResourceUpdated(uri))


class OwnersListen(ListenHandler):
    """`subscriptions/listen`, acknowledging nothing but the caller's own watches."""

    def __init__(self, bus: Bus, watches: WatchStore) -> None:
        super().__init__(bus)
        self._room = bus
        self._watches = watches
        self._callers: Counter[str] = Counter()

    async def __call__(self, ctx: Ctx, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Serve one stream.

        Raises:
            MCPError: none of the resources is a watch of this caller's, or the caller has too many streams.
        """
        who, asked = caller_of(ctx).id, params.notifications
        if self._callers[who] >= MOST_STREAMS:
            raise _refused(Unavailable(f"You have {MOST_STREAMS} streams open; close one first.", reason="overloaded"))
        own = await self._own(who, asked.resource_subscriptions or ())
        notifications = asked.model_copy(update={"resource_subscriptions": own or None})
        self._callers[who] += 1
        self._room.join(own)
        try:
            return await super().__call__(ctx, params.model_copy(update={"notifications": notifications}))
        finally:
            self._room.leave(own)
            self._callers -= Counter([who])

    async def _own(self, owner: str, uris: Iterable[str]) -> list[str]:
        asked = tuple(dict.fromkeys(uris))
        if not asked:
            return []
        try:
            own = {PREFIX + watch.watch_id for watch in await self._watches.list(owner)}
            if own.isdisjoint(asked):
                await _watch(self._watches, owner, asked[0])
        except Failure as failure:
            raise _refused(failure, asked[0]) from failure
        return [uri for uri in asked if uri in own]


class Subscribing:
    """`resources/subscribe` and its opposite, for connections that stay."""

    def __init__(self, bus: Bus, watches: WatchStore) -> None:
        self._bus = bus
        self._watches = watches

    async def subscribe(self, ctx: Ctx, params: SubscribeRequestParams) -> EmptyResult:
        """Notify this connection of a watch from now on.

        Raises:
            MCPError: the resource is no watch of this caller's, or the connection does not stay.
        """
        uri = str(params.uri)
        if not ctx.session.can_send_request:
            raise MCPError(INVALID_REQUEST, NO_SESSION)
        try:
            await _watch(self._watches, caller_of(ctx).id, uri)
        except Failure as failure:
            raise _refused(failure, uri) from failure
        known = _subscriptions(ctx)
        if uri not in known:
            self._bus.check(caller_of(ctx))
            known[uri] = _Subscription(self._bus, ctx.session, uri, caller_of(ctx).id)
        return EmptyResult()

    async def unsubscribe(self, ctx: Ctx, params: UnsubscribeRequestParams) -> EmptyResult:
        """Notify no more."""
        if subscription := _subscriptions(ctx).pop(str(params.uri), None):
            subscription.end()
        return EmptyResult()


class _Subscription:
    """One connection's interest in one watch."""

    def __init__(self, bus: Bus, session: ServerSession, uri: str, owner: str) -> None:
        self._bus = bus
        self._owner = owner
        bus.held[owner] += 1
        self._session = session
        self._event = ResourceUpdated(uri)
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe = bus.subscribe(self._heard)
        bus.join([uri])

    def end(self) -> None:
        self._unsubscribe()
        self._bus.leave([self._event.uri])
        self._bus.held -= Counter([self._owner])
        if self._task:
            self._task.cancel()

    def _heard(self, event: ServerEvent) -> None:
        # A notice that still waits to be written tells of this change too.
        if event == self._event and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._session.send_resource_updated(self._event.uri)


def register(lowlevel: Server[Any], bus: Bus, watches: WatchStore) -> None:
    """Serve both ways of listening."""
    old = Subscribing(bus, watches)
    lowlevel.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, OwnersListen(bus, watches))
    lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, old.subscribe)
    lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, old.unsubscribe)
    lowlevel.middleware.append(_honest)


async def _honest(ctx: Ctx, call_next: CallNext) -> Any:
    """Promise `resources/subscribe` only where it works."""
    result = await call_next(ctx)
    if ctx.method == "initialize" and isinstance(result, dict) and not ctx.session.can_send_request:
        result["capabilities"]["resources"].pop("subscribe", None)
    return result


def caller_of(ctx: Ctx) -> Caller:
    """Who sent this message; stdio has no request, and one caller."""
    caller: Caller = getattr(ctx.request, "scope", {}).get("caller", LOCAL)
    return caller


async def _watch(watches: WatchStore, owner: str, uri: str) -> Watch:
    """The watch at this address; no watch has an empty id.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    return await watches.get(owner, uri.removeprefix(PREFIX) if uri.startswith(PREFIX) else "")


def _subscriptions(ctx: Ctx) -> dict[str, _Subscription]:
    """Those of this connection; they end with it."""
    connection: Connection = ctx.session._connection  # noqa: SLF001 - the SDK shows it to no handler
    if "subscriptions" not in connection.state:
        known: dict[str, _Subscription] = {}
        connection.state["subscriptions"] = known
        connection.exit_stack.callback(_end_all, known)
    found: dict[str, _Subscription] = connection.state["subscriptions"]
    return found


def _end_all(subscriptions: dict[str, _Subscription]) -> None:
    for subscription in subscriptions.values():
        subscription.end()


def _refused(failure: Failure, uri: str | None = None) -> MCPError:
    """A failure in the words of a JSON-RPC error; an unknown watch and a stranger's look the same."""
    code = INVALID_PARAMS if failure.type == "not_found" else failure.code
    return MCPError(code, str(failure), {"uri": uri} if uri else None)
