"""Every metric of the product, in a registry of its own, and the two functions by which all layers write them.

Names follow https://prometheus.io/docs/practices/naming/. Labels have few values: names of tools, sources and types,
never of callers, communities or hosts. A metric belongs to its process; Prometheus adds the replicas up.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics import MetricWrapperBase

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
REGISTRY = CollectorRegistry()
"""The library's default registry is everybody's; this one is ours alone."""

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

PREFIX = "reddit_mcp"
CALL_SECONDS_BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 5, 10, 25)
REDIS_SECONDS_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
WAIT_SECONDS_BOUNDS = (0.01, 0.1, 0.5, 1, 5, 15, 60, 300)
LAG_SECONDS_BOUNDS = (1, 5, 15, 60, 300, 900, 3600)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, namespace=PREFIX, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, namespace=PREFIX, registry=REGISTRY)


def _histogram(name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, text, labels, namespace=PREFIX, registry=REGISTRY, buckets=bounds)


CALLS = _counter(
    "calls_total", "Tool calls that have ended; outcome is ok or the type of the error.", "tool", "outcome"
)
CALL_SECONDS = _histogram("call_seconds", "How long tool calls took.", CALL_SECONDS_BOUNDS, "tool")
CALL_ERRORS = _counter("call_errors_total", "Tool calls that failed, as clients see it.", "type", "code", "category")
CALLS_RUNNING = _gauge("calls_running", "Tool calls that run now.")
CALLERS = _gauge("active_callers", "Callers within the last five minutes that this process knows of.")
QUOTA_REFUSALS = _counter(
    "quota_refusals_total", "Calls refused because the caller's quota was spent.", "tier", "window"
)
LIMITER_ERRORS = _counter(
    "limiter_errors_total", "Limits decided by this process alone because Redis was away.", "limiter"
)

CACHE_LOOKUPS = _counter("cache_lookups_total", "Looks for an answer; outcome is hit or miss.", "layer", "outcome")
CACHE_SECONDS = _histogram("cache_lookup_seconds", "How long looks into the shared cache took.", REDIS_SECONDS_BOUNDS)
CACHE_EVICTIONS = _counter("cache_evictions_total", "Answers that left this process's cache for want of room.")
COALESCED = _counter("coalesced_calls_total", "Questions answered by another's request.", "scope")
FALLBACKS = _counter("fallbacks_total", "Answers that stood in for better ones; kind says which.", "kind")

UPSTREAM_REQUESTS = _counter(
    "upstream_requests_total", "Requests that a source received; outcome as of calls.", "source", "outcome"
)
UPSTREAM_SECONDS = _histogram(
    "upstream_request_seconds", "How long a source took to answer a question.", CALL_SECONDS_BOUNDS, "source"
)
RETRIES = _counter("retries_total", "Further attempts: made, recovered by one, or exhausted.", "outcome")
TIMEOUTS = _counter("timeouts_total", "Deadlines that passed: of a whole call, or of a request to a source.", "of")
CLEANED_CHARACTERS = _counter("cleaned_characters_total", "Hidden characters taken out of strangers' texts.")

BUDGET_TOKENS = _gauge("budget_tokens_available", "Requests that the active source may receive now.", "source")
BUDGET_CAPACITY = _gauge("budget_tokens_capacity", "Requests that the active source may receive in a minute.", "source")
QUEUE_DEPTH = _gauge("queue_depth", "Requests that wait in this process for the budget.")
QUEUE_CAPACITY = _gauge("queue_capacity", "Requests that may wait, over all replicas.")
QUEUE_SECONDS = _histogram("queue_wait_seconds", "How long requests waited for the budget.", WAIT_SECONDS_BOUNDS)
BULKHEAD_ACTIVE = _gauge("bulkhead_active", "Places of a resource that are taken.", "bulkhead")
BULKHEAD_REJECTIONS = _counter("bulkhead_rejections_total", "Requests for which a resource had no place.", "bulkhead")
BREAKER_STATE = _gauge("breaker_state", "0 closed, 1 half open, 2 open, as this process knows it.", "breaker")
BREAKER_CHANGES = _counter("breaker_changes_total", "Changes of a circuit breaker into a state.", "breaker", "state")

WATCH_LAG = _histogram("watch_lag_seconds", "How long after its time a watch was checked.", LAG_SECONDS_BOUNDS)
WEBHOOKS = _counter("webhook_deliveries_total", "Attempts to deliver a match; outcome delivered or failed.", "outcome")
CHARGES = _counter("charges_total", "Charges sent to the platform.", "event", "outcome")
REDIS_FAILURES = _counter("redis_failures_total", "Visits to Redis that failed: away or refused.", "reason")
COMPONENT_HEALTHY = _gauge("component_healthy", "1 healthy, 0 not, as /health last found it.", "component")
SERVICE_DEGRADED = _gauge("service_degraded", "1 while any component is not healthy.")
ALERTS = _counter("alerts_total", "Alerts that were raised by this process.", "rule", "severity")
BUILD = _gauge("build_info", "1; the label is the version.", "version")

STATES = {"closed": 0, "half_open": 1, "open": 2}


@lru_cache(maxsize=2048)
def child(metric: Any, labels: tuple[str, ...]) -> Any:
    """The series of these labels; `metric.labels` alone costs more than counting."""
    return metric.labels(*labels) if labels else metric


def count(metric: Counter, *labels: str, by: float = 1) -> None:
    """Add to a counter."""
    child(metric, labels).inc(by)


def observe(metric: Histogram, value: float, *labels: str) -> None:
    """Add a value to a histogram; seconds."""
    child(metric, labels).observe(value)


def gauge(metric: Gauge, value: float, *labels: str) -> None:
    """Write what something is at now."""
    child(metric, labels).set(value)


def drop(metric: Gauge) -> None:
    """Forget all series of a gauge, such as what is said of a source that answers no more."""
    metric.clear()
    child.cache_clear()


def breaker_is(name: str, state: str) -> None:
    """Write a circuit breaker's state, unless it is one of a webhook's host: users name those."""
    if ":" not in name:
        gauge(BREAKER_STATE, STATES[state], name)


def breaker_changed(name: str, state: str) -> None:
    """Count a change of a circuit breaker; those of all webhooks' hosts share a label."""
    count(BREAKER_CHANGES, name.partition(":")[0], state)
    breaker_is(name, state)


def exposition() -> bytes:
    """All metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)


def catalogue() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Name, type, labels and meaning of each metric, for the documents."""
    for metric in globals().values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield name, family.type, metric._labelnames, family.documentation  # noqa: SLF001 - has no public name
