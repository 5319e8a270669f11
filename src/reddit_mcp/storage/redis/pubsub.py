"""Short notices from any process to all: one channel and one subscription for the whole process."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Self

from redis.exceptions import RedisError

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.redis.connection import Store, closed_by_another

Heard = Callable[[str | None], None]

_PATIENCE = 5.0
_RECONNECT_SECONDS = 0.2


class PubSub:
    """Listens while the context is open; sending needs no listening.

    Redis keeps no message for those who are away, so a lost or new subscription tells every listener None: notices
    may have been missed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._channel = f"{store.prefix}notices"
        self._listeners: dict[str, Heard] = {}
        self._task: asyncio.Task[None] | None = None
        self._open = False

    def on(self, topic: str, heard: Heard) -> None:
        """Call `heard` with the text of each notice of a topic, or with None where some may have been missed."""
        self._listeners[topic] = heard

    async def send(self, topic: str, text: str) -> None:
        """Tell every process, this one included.

        Raises:
            Unavailable: Redis is away.
        """
        async with self._store.visit() as redis:
            await redis.publish(self._channel, f"{topic} {text}")

    async def __aenter__(self) -> Self:
        self._open = True
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task:
            self._open = False  # a message that arrives with it may swallow the cancellation (wait_for, Python 3.11)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            with suppress(Unavailable, RedisError, OSError), closed_by_another():
                await self._listen()
            if not self._open:
                return
            self._missed()
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        async with AsyncExitStack() as stack:
            async with self._store.visit() as redis:
                subscription = redis.pubsub()
                stack.push_async_callback(subscription.aclose)
                await subscription.subscribe(self._channel)
            while self._open:
                # A bounded wait, for redis-py looks after the connection's health between waits only.
                if message := await subscription.get_message(timeout=_PATIENCE):
                    self._pass_on(message["type"], message["data"])

    def _pass_on(self, kind: str, data: object) -> None:
        if kind != "message" or not isinstance(data, bytes):
            self._missed()  # redis-py subscribes again by itself after it has lost a connection
            return
        topic, _, text = data.decode(errors="replace").partition(" ")
        if heard := self._listeners.get(topic):
            heard(text)

    def _missed(self) -> None:
        for heard in self._listeners.values():
            heard(None)
