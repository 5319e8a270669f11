"""The cache's rules of freshness under any sequence of calls, waits, outages and purges, with a clock of its own."""

import asyncio
from typing import Any

from fakeredis import FakeServer
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from reddit_mcp.errors import DeadlineExceeded, Failure, NotFound, RateLimited, Unavailable, UpstreamError
from reddit_mcp.upstream.cache.cache_layer import STALE_MAX
from reddit_mcp.upstream.cache.two_tier_cache import JITTER
from reddit_mcp.upstream.source import Answer
from tests.support.cache_layers import Layers, Upstream, layers, question, settled
from tests.support.clocks import Clock
from tests.support.redis_store import fake_store

TTL = 100
QUERY = question(ttl=TTL, tags=("subreddit:python",))
FAILURES: list[Failure | None] = [
    None,
    RateLimited("spent", limit_type="reddit_api"),
    UpstreamError("down"),
    Unavailable("open"),
    DeadlineExceeded("slow"),
    NotFound("gone"),
]


class Freshness(RuleBasedStateMachine):
    """Two replicas over one store; `given` remembers when each answer of the upstream was given."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.upstream = Upstream()
        self.given: dict[str, float] = {}
        self.forgotten = False  # what is gone leaves Redis at once, and another replica's memory within a minute

    @initialize(chance=st.floats(0, 1))
    def start(self, chance: float) -> None:
        self.chance = chance
        self.closing: list[Any] = []
        self.replicas: list[Layers] = self.runner.run(self._open(chance))

    async def _open(self, chance: float) -> list[Layers]:
        server, opened = FakeServer(), []
        for _ in range(2):
            store = fake_store(server)
            replica = layers(store, self.upstream, self.clock, chance=chance)
            opened.append(await replica.__aenter__())
            self.closing += [replica, store]
        return opened

    def teardown(self) -> None:
        for context in getattr(self, "closing", []):
            self.runner.run(context.__aexit__(None, None, None))
        self.runner.close()

    @rule(seconds=st.one_of(st.floats(0, 2 * TTL), st.sampled_from([STALE_MAX / 2, STALE_MAX, 2 * STALE_MAX])))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(failure=st.sampled_from(FAILURES))
    def reddit_changes(self, failure: Failure | None) -> None:
        self.upstream.failure = failure

    @rule()
    def purge(self) -> None:
        self.runner.run(self.replicas[0].answers.purge(["subreddit:python"]))
        self.replicas[1].memory.purge({"subreddit:python"})
        self.given.clear()

    @rule(which=st.sampled_from([0, 1]))
    def call(self, which: int) -> None:
        before = len(self.upstream.asked)
        outcome = self.runner.run(self._call(self.replicas[which]))
        asked = len(self.upstream.asked) - before
        for number in range(before + 1, before + asked + 1):
            if self.upstream.failure is None:
                self.given[f"n{number}"] = self.clock.now
                self.forgotten = False
        if asked and isinstance(self.upstream.failure, NotFound):
            self.forgotten = True
        if isinstance(outcome, Failure):
            self._failed(outcome, asked)
        else:
            self._answered(outcome, asked)

    async def _call(self, replica: Layers) -> Answer[Any] | Failure:
        try:
            answer = await replica.cache.fetch(QUERY)
        except Failure as failure:
            return failure
        finally:
            await settled(replica.cache)
        return answer

    def _failed(self, failure: Failure, asked: int) -> None:
        assert asked == 1
        assert self.upstream.failure is not None
        assert type(failure) is type(self.upstream.failure)
        if self.forgotten:
            return
        limit = STALE_MAX * (1 if isinstance(failure, RateLimited) else 2)
        assert not any(self.clock.now - given <= limit for given in self.given.values())

    def _answered(self, answer: Answer[Any], asked: int) -> None:
        given = self.given[answer.value.items[0].id]
        assert abs(self.clock.now - given - answer.age) < 1e-3
        fresh = TTL * (1 - JITTER * self.chance)
        if answer.stale:
            assert self.upstream.failure is not None
            assert answer.age >= fresh - 1e-3
            assert answer.age <= STALE_MAX * (1 if isinstance(self.upstream.failure, RateLimited) else 2)
            assert answer.degraded
        else:
            assert answer.age <= fresh
            assert answer.degraded is None
        assert asked <= 1
        if asked and not answer.stale:
            assert not answer.cached or answer.age >= 0.8 * fresh - 1e-3
        if not answer.cached:
            assert (answer.calls, answer.age) == (1, 0)


TestFreshness = Freshness.TestCase
TestFreshness.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
