"""What the tests of webhooks share: names that resolve without a network, and a receiver that does what it is told."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.watches.delivery_records import DeliveryRecords
from reddit_mcp.watches.webhooks.address_check import AddressCheck, Resolver
from reddit_mcp.watches.webhooks.webhook_receivers import WebhookReceivers
from reddit_mcp.watches.webhooks.webhook_signing import SigningSecrets
from tests.support.patience import PATIENCE_SECONDS

T = TypeVar("T")

PUBLIC = "93.184.215.14"
MASTER = bytes(32)
START = 1_700_000_000
SIGNING = SigningSecrets(MasterSecrets([MASTER]))


def resolving(names: Mapping[str, Sequence[str]] | None = None) -> Resolver:
    """A resolver that knows these names; without any, every name is on the public Internet."""

    async def resolve(host: str) -> Sequence[str]:
        if names is None:
            return [PUBLIC]
        if host not in names:
            raise OSError(host)
        return names[host]

    return resolve


def receivers(store: Store) -> WebhookReceivers:
    """Receivers at any public name."""
    return WebhookReceivers(AddressCheck(resolving()), SIGNING, DeliveryRecords(store))


async def eventually(
    look: Callable[[], Awaitable[T]], good: Callable[[T], bool], *, seconds: float = PATIENCE_SECONDS
) -> T:
    """What there is to see, as soon as it is good."""
    async with asyncio.timeout(seconds):
        while not good(found := await look()):  # noqa: ASYNC110 - what it waits for is in a store, or another process
            await asyncio.sleep(0.01)
    return found


class SteppedClock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self._now = float(START)
        self._stepped = asyncio.Event()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        end = self._now + seconds
        while self._now < end:
            await self._stepped.wait()

    def go_on(self, seconds: float) -> None:
        self._now += seconds
        self._stepped.set()
        self._stepped = asyncio.Event()


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


def answer(status: int = 204, headers: str = "") -> bytes:
    """A whole answer without a body."""
    return f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n{headers}\r\n".encode()


Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def hang(_writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


@dataclass
class Receiver:
    """An HTTP server on loopback.

    Attributes:
        answers: what the next requests get, the last one for ever; bytes, or a script that writes them.
        requests: what arrived.
    """

    port: int = 0
    answers: list[bytes | Script] = field(default_factory=lambda: [answer()])
    requests: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/in"

    @property
    def ids(self) -> list[str]:
        """The ids of the messages that arrived."""
        return [request.headers["webhook-id"] for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            await _closed(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append(Received(line, headers, body))
        says = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(says, bytes):
            writer.write(says)
        else:
            await says(writer)
        await writer.drain()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Receiver]:
    """A running receiver."""
    receiver, tasks = Receiver(), set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(receiver.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
