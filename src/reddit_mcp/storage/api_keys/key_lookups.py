"""Look-ups of keys that this process does not know: those that come close together share a round trip.

A flood of wrong keys, from however many addresses, costs the store 250 scripts a second at most, and nobody
whose key is good is turned away for it: a look-up waits for the next batch, some milliseconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

SECONDS_BETWEEN = 0.004
MOST = 100
"""Look-ups of one batch."""

Found = TypeVar("Found")
Digests = Sequence[str]


class KeyLookups(Generic[Found]):
    """Gathers look-ups while the last batch is on its way, and for `SECONDS_BETWEEN` after it.

    Args:
        find: what belongs to the digests of each key; raises `Unavailable` while Redis is away.
    """

    def __init__(self, find: Callable[[Sequence[Digests]], Awaitable[Sequence[Found]]]) -> None:
        self._find = find
        self._waiting: list[tuple[Digests, asyncio.Future[Found]]] = []
        self._task: asyncio.Task[None] | None = None

    async def find(self, digests: Digests) -> Found:
        """What belongs to a key of these digests.

        Raises:
            Unavailable: Redis is away.
        """
        found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.append((digests, found))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await found

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if wanted := [waiting for waiting in batch if not waiting[1].done()]:  # the others hung up
                await self._answer(wanted)
            await asyncio.sleep(SECONDS_BETWEEN)

    async def _answer(self, batch: Sequence[tuple[Digests, asyncio.Future[Found]]]) -> None:
        try:
            answers = await self._find([digests for digests, _ in batch])
        except Exception as failure:  # noqa: BLE001 - it is for those who wait
            for _, found in batch:
                if not found.done():
                    found.set_exception(failure)
            return
        for (_, found), answer in zip(batch, answers, strict=True):
            if not found.done():
                found.set_result(answer)
