"""Each layer says what happened: the metric of each thing grows when the thing happens, and not otherwise."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fakeredis import FakeServer
from prometheus_client.parser import text_string_to_metric_families

from reddit_mcp.errors import DeadlineExceeded, Failure, NotFound, Unavailable, UpstreamError
from reddit_mcp.metering.call_quota import CallQuota
from reddit_mcp.models import Caller, Listing
from reddit_mcp.observability import metrics
from reddit_mcp.setting_groups import BreakerSettings
from reddit_mcp.storage.limits.quota_counters import QuotaCounters
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.tiers import read_tiers
from reddit_mcp.upstream.cache.memory_cache import MemoryCache
from reddit_mcp.upstream.measured_source import MeasuredSource
from reddit_mcp.upstream.reddit_api.text.untrusted_text import clean
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.bulkhead import Bulkhead
from reddit_mcp.upstream.resilience.retry import Retry, RetryRules
from reddit_mcp.upstream.source import Answer
from reddit_mcp.upstream.source_switch import StandIn, what_is_missing
from tests.support.cache_layers import Upstream, layers, question
from tests.support.polling_setup import home as home  # noqa: PLC0414 - fixtures
from tests.support.polling_setup import told as told  # noqa: PLC0414
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.watches import House
from tests.support.webhook_deliveries import posting
from tests.support.webhook_receiver import answer

FAST = RetryRules(base=0, cap=0, timeout_base=0, timeout_cap=0)


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"reddit_mcp_{name}", labels) or 0.0


@contextmanager
def grows(name: str, by: float = 1, **labels: str) -> Iterator[None]:
    before = value(name, **labels)
    yield
    assert value(name, **labels) - before == by


class Fails:
    """A Source that fails so often, then answers with two requests."""

    def __init__(self, *failures: Failure) -> None:
        self.failures = list(failures)

    async def fetch(self, _query: Any) -> Answer[Any]:
        if self.failures:
            raise self.failures.pop(0)
        return Answer(Listing(), calls=2)


def down() -> UpstreamError:
    return UpstreamError("Down.")


async def test_what_a_source_was_asked() -> None:
    source = MeasuredSource(Fails(DeadlineExceeded("Late."), NotFound("None.")), "archive")
    with (
        grows("upstream_requests_total", source="archive", outcome="timeout"),
        grows("upstream_requests_total", source="archive", outcome="not_found"),
        grows("upstream_requests_total", 2, source="archive", outcome="ok"),
        grows("upstream_request_seconds_count", 3, source="archive"),
        grows("timeouts_total", of="source"),
    ):
        for failure in (DeadlineExceeded, NotFound):
            with pytest.raises(failure):
                await source.fetch(question())
        await source.fetch(question())


@pytest.mark.parametrize(
    ("failures", "made", "recovered", "exhausted"), [(0, 0, 0, 0), (1, 1, 1, 0), (2, 2, 1, 0), (3, 2, 0, 1)]
)
async def test_further_attempts(failures: int, made: int, recovered: int, exhausted: int) -> None:
    retry = Retry(Fails(*(down() for _ in range(failures))), FAST, lambda: False)
    with (
        grows("retries_total", made, outcome="made"),
        grows("retries_total", recovered, outcome="recovered"),
        grows("retries_total", exhausted, outcome="exhausted"),
    ):
        if exhausted:
            with pytest.raises(UpstreamError):
                await retry.fetch(question())
        else:
            await retry.fetch(question())


async def test_a_bulkhead() -> None:
    places = Bulkhead("webhooks", 1, max_waiting=0)
    async with places:
        assert value("bulkhead_active", bulkhead="webhooks") == 1
        with grows("bulkhead_rejections_total", bulkhead="webhooks"), pytest.raises(Unavailable):
            await places.__aenter__()
    assert value("bulkhead_active", bulkhead="webhooks") == 0


async def test_a_breaker_and_those_of_hosts_which_share_a_label(store: Store) -> None:
    breakers = BreakerRegistry(store, BreakerSettings(failures=1))
    for name, kind in (("metrics_test", "metrics_test"), ("webhook:ann.example", "webhook")):
        breaker = breakers.get(name)
        with grows("breaker_changes_total", breaker=kind, state="open"), pytest.raises(UpstreamError):
            async with breaker.guard():
                raise down()
    assert value("breaker_state", breaker="metrics_test") == 2
    assert "ann.example" not in metrics.exposition().decode()
    await breakers.aclose()


async def test_the_cache_and_its_layers(store: Store) -> None:
    upstream = Upstream()
    async with layers(store, upstream) as replica:
        cache = replica.cache
        with (
            grows("cache_lookups_total", layer="memory", outcome="miss"),
            grows("cache_lookups_total", layer="redis", outcome="miss"),
            grows("cache_lookups_total", 2, layer="memory", outcome="hit"),
            grows("cache_lookup_seconds_count"),
        ):
            for _ in range(3):
                await cache.fetch(question(ttl=300))
        upstream.gate.clear()
        asked = [asyncio.create_task(cache.fetch(question("/r/lua/hot", ttl=300))) for _ in range(5)]
        with grows("coalesced_calls_total", 4, scope="process"):
            while len(upstream.asked) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
            upstream.gate.set()
            await asyncio.gather(*asked)


def test_evictions(cached: Callable[[MemoryCache, str], None]) -> None:
    memory = MemoryCache(entries=2)
    with grows("cache_evictions_total", 3):
        for number in range(5):
            cached(memory, f"question {number}")


async def test_another_source_stands_in() -> None:
    stand_in = StandIn(Fails(NotFound("None.")), Fails(), what_is_missing, "Another answered.")
    with grows("fallbacks_total", kind="other_source"):
        await stand_in.fetch(question())


async def test_redis_away(store: Store, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    quota = CallQuota(QuotaCounters(store), read_tiers(""), "enforce", lambda: 1)
    server.connected = False
    with grows("redis_failures_total", reason="away"), grows("limiter_errors_total", limiter="quota"):
        await quota.spend(Caller(id="ann", tier="free"), "search_reddit", {})


@pytest.mark.parametrize(("receiver", "outcome"), [(answer(200), "delivered"), (answer(410), "failed")])
async def test_webhooks(receiver: Any, outcome: str) -> None:
    async with posting(receiver) as post:
        with grows("webhook_deliveries_total", outcome=outcome):
            await post.matched("m1")
            await post.ends("m1")


async def test_how_late_a_watch_is_checked(home: House) -> None:
    await home.watch("rust")
    await home.after(0)
    with grows("watch_lag_seconds_count"):
        await home.after(7)


def test_hidden_characters() -> None:
    with grows("cleaned_characters_total", 3):
        clean("a\u200bb\u202ec\u2066")
    with grows("cleaned_characters_total", 0):
        clean("plain")


def test_what_is_scraped_can_be_parsed_and_is_all_that_is_documented() -> None:
    families = {family.name for family in text_string_to_metric_families(metrics.exposition().decode())}
    documented = {name.removesuffix("_total") for name, *_ in metrics.catalogue()}
    assert {name for name in families if name.startswith("reddit_mcp_")} <= documented
    assert len(documented) == len(list(metrics.catalogue()))


def test_a_source_that_answers_no_more_leaves_no_budget_behind() -> None:
    metrics.gauge(metrics.BUDGET_TOKENS, 5, "sample")
    metrics.drop(metrics.BUDGET_TOKENS)
    metrics.gauge(metrics.BUDGET_TOKENS, 7, "arctic_shift")
    assert metrics.REGISTRY.get_sample_value("reddit_mcp_budget_tokens_available", {"source": "sample"}) is None
    assert value("budget_tokens_available", source="arctic_shift") == 7


@pytest.fixture
def cached() -> Callable[[MemoryCache, str], None]:
    from reddit_mcp.storage.cache.cache_encoding import Facts, seal

    facts = Facts(model="Listing", stored_at=0, fresh_until=1, ttl=1, archive=None, limits=None, marks={})

    def put(memory: MemoryCache, name: str) -> None:
        memory.put(name, seal(Listing(), facts)[0], memory.moment())

    return put
