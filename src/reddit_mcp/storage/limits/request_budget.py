"""Reddit's request budget as one sliding window for all replicas of a client id: exact, by the server's clock.

A token returns `span` seconds after its grant. The rules of the scripts stand in docs/adr/0003-rate-limiting.md.
Times inside Redis are microseconds since 1970 by the server's clock; outside they are seconds from now.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reddit_mcp.storage.limits.request_budget_scripts import REJOIN, REPORT, TAKE
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import BUDGET_REPLICAS, BUDGET_STATE, BUDGET_WINDOW
from reddit_mcp.storage.redis.lua_scripts import Script

CLASSES = 4
"""Priority classes, 0 first; classes 2 and 3 are paced."""


@dataclass(frozen=True, slots=True)
class Census:
    """Who waits in one process.

    Attributes:
        waiting: how many, by class.
        waited: seconds the first of each class has waited.
        places: requests the process could start now.
        callers: how many of each caller whose number is bounded.
    """

    waiting: tuple[int, ...] = (0,) * CLASSES
    waited: tuple[float, ...] = (0.0,) * CLASSES
    places: int = 0
    callers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a request for a token.

    Attributes:
        granted: the class that gets a token; None when nobody does.
        free: tokens that may be had now; negative while more are out than the limit now allows.
        spare: tokens that nobody holds, whether Reddit lets them be used now or not.
        wait: seconds until it may be worth asking again.
        replicas: processes alive, this one included.
        interval: seconds between two tokens of the paced classes.
        pace: seconds until the paced classes may have one.
        hold: seconds during which Reddit would refuse everybody.
        returns: seconds until each token that is out returns, in order.
        span: seconds a token is out.
        others: who waits in the other processes.
        settling: there are tokens, but the replicas are still booking what each granted on its own.
    """

    granted: int | None
    free: int
    spare: int = 0
    wait: float = 0.0
    replicas: int = 1
    interval: float = 0.0
    pace: float = 0.0
    hold: float = 0.0
    returns: tuple[float, ...] = ()
    span: float = 0.0
    others: tuple[Census, ...] = ()
    settling: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What became of a granted request, where that changes the budget; seconds.

    Attributes:
        late: how long after its grant it left: its token is held that much longer.
        unused: it never left, so its token returns at once.
        remaining: requests left in Reddit's own window.
        reset: until that window ends.
        block: Reddit refuses everybody for so long.
        ease: the factor by which the rate goes down; 1 = not at all.
    """

    late: float = 0.0
    unused: bool = False
    remaining: int | None = None
    reset: float = 0.0
    block: float = 0.0
    ease: float = 1.0


class SlidingWindow:
    """One budget. Every method raises `Unavailable` while Redis is away.

    Args:
        store: where the window is.
        name: whose budget it is, such as the client id.
        process: this process's name, unique among the replicas.
        limit: tokens.
        span: seconds after which a token returns.
    """

    def __init__(self, store: Store, *, name: str, process: str, limit: int, span: float) -> None:
        self._store = store
        self._keys = [kind.key(store.prefix, name) for kind in (BUDGET_WINDOW, BUDGET_STATE, BUDGET_REPLICAS)]
        self._process = process
        self.limit = limit
        self.span = span
        self._epoch = ""

    async def take(self, member: str, census: Census) -> Verdict | None:
        """Ask for one token under the name `member`; None when the store has lost the window: `rejoin` first."""
        arguments = (member, self._process, self._epoch, self.limit, _micro(self.span), census.places)
        waited = (_micro(seconds) for seconds in census.waited)
        callers = json.dumps(census.callers, separators=(",", ":"))
        reply = await self._run(TAKE, (*arguments, *census.waiting, *waited, callers))
        if reply[0] == b"lost":
            return None
        self._epoch = reply[1].decode()
        return self._verdict(reply)

    async def rejoin(self, grants: Mapping[str, float]) -> None:
        """Book grants that the store may not know; each is a member and the seconds since its grant.

        Everybody gets a moment to do the same before the next token is granted; see `Verdict.settling`.
        """
        pairs = [part for member, age in grants.items() for part in (member, _micro(age))]
        self._epoch = (await self._run(REJOIN, (_micro(self.span), *pairs))).decode()

    async def report(self, member: str, news: News) -> None:
        """Correct the budget by what became of a granted request."""
        remaining = -1 if news.remaining is None else news.remaining
        times = (_micro(news.late), _micro(news.reset), _micro(news.block))
        await self._run(REPORT, (member, self.limit, _micro(self.span), *times, remaining, news.ease, int(news.unused)))

    def _verdict(self, reply: Sequence[Any]) -> Verdict:
        if reply[0] != b"none":
            return Verdict(int(reply[0]), reply[2], reply[2], replicas=reply[3])
        wait, interval, pace, hold = (value / 1e6 for value in reply[5:9])
        returns = tuple(value / 1e6 for value in reply[9])
        others = tuple(census for raw in reply[10] if (census := _census(raw)))
        settling = bool(reply[11])
        return Verdict(
            None, reply[2], reply[4], wait, reply[3], interval, pace, hold, returns, self.span, others, settling
        )

    async def _run(self, script: Script, arguments: Sequence[str | bytes | float]) -> Any:
        async with self._store.visit() as redis:
            return await script.run(redis, self._keys, arguments)


def _micro(seconds: float) -> int:
    return math.ceil(seconds * 1e6)


def _census(raw: bytes) -> Census | None:
    """Another process's entry, `seen n0..n3 since0..since3 places|callers`; None if it is nothing of ours."""
    try:
        numbers, _, callers = raw.decode().partition("|")
        values = [int(part) for part in numbers.split()]
        return Census(tuple(values[1:5]), (0.0,) * CLASSES, values[9], json.loads(callers))
    except (ValueError, IndexError):
        return None
