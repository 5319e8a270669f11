"""The run as the API describes it, and as its container's environment does."""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

MOMENT = "2026-01-01T00:00:00.000Z"

VARIABLES = ("APIFY_", "ACTOR_", "CRAWLEE_")
"""How the platform's environment variables begin."""


class Described(Protocol):
    """What is told about a run."""

    run_id: str
    url: str
    prices: dict[str, float] | None
    max_total_charge_usd: float | None

    @property
    def charged(self) -> dict[str, int]: ...


def environment(platform: Described, origin: str) -> dict[str, str]:
    """What the platform sets for a container of the run."""
    limit = platform.max_total_charge_usd
    return {
        "APIFY_IS_AT_HOME": "1",
        "APIFY_TOKEN": "a-token-of-the-run",
        "APIFY_API_BASE_URL": platform.url,
        "APIFY_API_PUBLIC_BASE_URL": platform.url,
        "APIFY_META_ORIGIN": origin,
        "APIFY_USER_ID": "user-1",
        "APIFY_USER_IS_PAYING": "1",
        "ACTOR_ID": "actor-1",
        "ACTOR_RUN_ID": platform.run_id,
        "ACTOR_DEFAULT_DATASET_ID": "dataset-1",
        "ACTOR_DEFAULT_KEY_VALUE_STORE_ID": "store-1",
        "ACTOR_EVENTS_WEBSOCKET_URL": f"ws://{urlsplit(platform.url).netloc}/events",
        **({"ACTOR_MAX_TOTAL_CHARGE_USD": str(limit)} if limit is not None else {}),
    }


def described(platform: Described) -> dict[str, Any]:
    """GET /v2/actor-runs/{run}."""
    limit = platform.max_total_charge_usd
    options = {"build": "latest", "timeoutSecs": 0, "memoryMbytes": 512, "diskMbytes": 1024}
    return {
        "id": platform.run_id,
        "actId": "actor-1",
        "userId": "user-1",
        "startedAt": MOMENT,
        "status": "RUNNING",
        "meta": {"origin": "STANDBY"},
        "stats": {},
        "options": {**options, **({"maxTotalChargeUsd": limit} if limit is not None else {})},
        "buildId": "build-1",
        "buildNumber": "0.1.1",
        "generalAccess": "RESTRICTED",
        "defaultKeyValueStoreId": "store-1",
        "defaultDatasetId": "dataset-1",
        "defaultRequestQueueId": "queue-1",
        "containerUrl": "https://run-1.runs.apify.net",
        "pricingInfo": pricing(platform.prices),
        "chargedEventCounts": platform.charged,
    }


def pricing(prices: Mapping[str, float] | None) -> dict[str, Any]:
    """The pricing model of the run."""
    common = {"apifyMarginPercentage": 0.2, "createdAt": MOMENT, "startedAt": MOMENT}
    if prices is None:
        return {"pricingModel": "FREE", **common}
    events = {
        name: {"eventTitle": name, "eventDescription": f"One {name}", "eventPriceUsd": price}
        for name, price in prices.items()
    }
    return {"pricingModel": "PAY_PER_EVENT", **common, "pricingPerEvent": {"actorChargeEvents": events}}


def webhook(asked: dict[str, Any], number: int) -> dict[str, Any]:
    """POST /v2/webhooks."""
    return {
        "id": f"webhook-{number}",
        "createdAt": MOMENT,
        "modifiedAt": MOMENT,
        "userId": "user-1",
        "isAdHoc": True,
        "shouldInterpolateStrings": False,
        "eventTypes": asked.get("eventTypes", []),
        "condition": asked.get("condition", {}),
        "ignoreSslErrors": False,
        "doNotRetry": False,
        "requestUrl": asked.get("requestUrl", "http://127.0.0.1/"),
    }
