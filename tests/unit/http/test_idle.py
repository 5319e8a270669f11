"""Streams end when nobody calls, and when the server drains; calls that cannot finish are told so."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from reddit_mcp.errors import Unavailable
from reddit_mcp.http.middleware import idle_streams
from reddit_mcp.http.middleware.idle_streams import IdleStreams, OpenStreams
from reddit_mcp.metering.draining import Draining
from reddit_mcp.models import Caller
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import until

ADA, EVE = (Caller(id=name, tier="free") for name in ("ada", "eve"))
STREAM = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream; charset=x")]}
JSON = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}


class House:
    """A layer over an app that streams on GET, and its clock."""

    def __init__(self, limit: float | None = 300) -> None:
        self.now = 0.0
        self.busy: set[str] = set()
        self.streams = OpenStreams(self.busy.__contains__, limit, lambda: self.now)
        self.layer = IdleStreams(self._app, self.streams)
        self.cleaned = 0

    async def _app(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await send(STREAM if scope["method"] == "GET" else JSON)
        if scope["method"] == "GET":
            try:
                await asyncio.Event().wait()
            finally:
                self.cleaned += 1

    async def request(self, caller: Caller | None, method: str = "GET", send: Send | None = None) -> list[Message]:
        """What was sent until the answer ended."""
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, **({"caller": caller} if caller else {})}
        await self.layer(scope, asyncio.Event().wait, send or keep)  # type: ignore[arg-type]
        return sent

    def sweep(self, now: float) -> None:
        """Look twice, as a stream ends only when it was quiet before too."""
        self.now = now
        self.streams.sweep()
        self.streams.sweep()

    async def stream(self, caller: Caller) -> "asyncio.Task[list[Message]]":
        task = asyncio.create_task(self.request(caller))
        await asyncio.sleep(0)
        return task


@pytest.fixture
async def house() -> House:
    return House()


async def test_a_stream_without_a_call_for_five_minutes_is_ended_in_order(house: House) -> None:
    assert idle_streams.IDLE_SECONDS == 300
    stream = await house.stream(ADA)
    house.sweep(299)
    await asyncio.sleep(0)
    assert not stream.done()
    house.sweep(300)
    assert (await stream)[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert house.cleaned == 1


async def test_a_message_of_its_caller_keeps_a_stream_and_nobody_else_s_does(house: House) -> None:
    ada, eve = await house.stream(ADA), await house.stream(EVE)
    house.now = 200
    assert (await house.request(ADA, "POST"))[0] == JSON
    house.sweep(400)
    await eve
    assert not ada.done()
    house.sweep(500)
    await ada


async def test_a_stream_is_not_ended_in_the_middle_of_a_call(house: House) -> None:
    stream = await house.stream(ADA)
    house.busy.add("ada")
    house.sweep(1_000)
    house.busy.clear()
    house.streams.sweep()  # the answer may still be on its way
    await asyncio.sleep(0)
    assert not stream.done()
    house.streams.sweep()
    await stream


async def test_elsewhere_streams_stay_until_the_server_drains() -> None:
    house = House(limit=None)
    stream = await house.stream(ADA)
    house.sweep(1e9)
    await asyncio.sleep(0)
    assert not stream.done()
    house.streams.drain()
    house.sweep(1e9)
    await stream


async def test_what_has_no_caller_is_passed_on(house: House) -> None:
    assert await house.request(None, "POST") == [JSON]
    house.sweep(1e9)


async def test_a_caller_who_hangs_up_is_not_taken_for_an_end(house: House) -> None:
    stream = await house.stream(ADA)
    stream.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stream
    house.sweep(1e9)


async def test_a_client_that_does_not_read_does_not_hold_up_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle_streams, "LAST_PIECE_SECONDS", 0.01)

    async def stuck(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    task = asyncio.create_task(house.request(ADA, send=stuck))
    await asyncio.sleep(0)
    house.sweep(300)
    await asyncio.wait_for(task, PATIENCE_SECONDS)


async def test_streams_are_looked_after_by_themselves(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_streams, "SWEEP_SECONDS", 0.01)
    async with house.streams.run():
        stream = await house.stream(ADA)
        house.streams.drain()
        await until(stream.done)


async def test_a_running_call_has_a_last_moment_when_the_server_drains() -> None:
    draining = Draining()

    async def call() -> Any:
        async with draining.timeout(60):
            await asyncio.Event().wait()

    running = asyncio.create_task(call())
    await asyncio.sleep(0)
    draining.begin(0.01)
    with pytest.raises(Unavailable) as refused:
        await asyncio.wait_for(running, PATIENCE_SECONDS)
    assert (refused.value.data["reason"], refused.value.data["retry_after_seconds"]) == ("draining", 1)
    with pytest.raises(Unavailable):  # one that begins even now
        await asyncio.wait_for(call(), PATIENCE_SECONDS)


async def test_a_shorter_deadline_stays_and_is_a_timeout_before_the_end() -> None:
    draining = Draining()
    with pytest.raises(TimeoutError):
        async with draining.timeout(0.01):
            await asyncio.Event().wait()
    draining.begin(60)
    async with draining.timeout(0.5):
        pass
