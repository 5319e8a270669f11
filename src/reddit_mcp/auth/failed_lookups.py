"""A token bucket for each address that presents keys which do not work: guessing must not keep the store busy."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from reddit_mcp.errors import RateLimited, Unauthenticated

CAPACITY = 30
SECONDS_EACH = 2.0
"""A bucket gets one look-up back in this time."""

AT_ONCE = 64
"""Look-ups of all addresses; they share round trips."""

MOST_ADDRESSES = 10_000


class FailedLookups:
    """The buckets of this process; only a look-up that fails spends.

    A bucket is one number, the time when it will be full again (generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._places = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def attempt(self, address: str) -> AsyncIterator[None]:
        """Surround a look-up for this address; an `Unauthenticated` from within spends a token.

        Raises:
            RateLimited: the bucket is empty.
        """
        self._check(address)
        async with self._places:
            self._check(address)  # those who were let in before may have emptied it
            try:
                yield
            except Unauthenticated:
                self._spend(address)
                raise

    def _check(self, address: str) -> None:
        wait = self._full_at.get(address, 0.0) - self._monotonic() - (CAPACITY - 1) * SECONDS_EACH
        if wait > 0:
            raise RateLimited(
                "Too many requests with keys that do not work came from your address; try again later.",
                limit_type="failed_keys",
                retry_after_seconds=math.ceil(wait),
            )

    def _spend(self, address: str) -> None:
        now = self._monotonic()
        self._full_at[address] = max(self._full_at.get(address, 0.0), now) + SECONDS_EACH
        self._full_at.move_to_end(address)
        if len(self._full_at) > MOST_ADDRESSES:
            self._full_at.popitem(last=False)
