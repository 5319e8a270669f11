"""What `/stats` answers, made by hand: a day with a busy evening and an outage."""

import math
from typing import Any

NOON = 1_795_780_800
WINDOW = 300


def figures() -> dict[str, Any]:
    """Every field."""
    return {
        "overview": {
            "total_requests": 41_872,
            "error_count": 512,
            "error_rate": 0.0122,
            "active_users": 37,
            "rate_limit_hits": 208,
        },
        "latency": {"p50_ms": 12.4, "p95_ms": 480.0, "p99_ms": 1920.0},
        "cache": {"hits": 31_200, "misses": 10_672, "hit_rate": 0.745, "avg_age_seconds": 148.0},
        "requests_by_tool": {"search_reddit": 18_200, "get_subreddit_posts": 14_100, "get_post_comments": 9_572},
        "errors_by_type": {"upstream_error": 301, "rate_limited": 140, "invalid_input": 71},
        "budget": {"tokens_available": 22, "capacity": 100, "utilization": 0.78},
        "queue": {"depth": 140, "capacity": 1000},
        "slowest_calls": [
            {"tool": "get_post_comments", "duration_ms": 8_120},
            {"tool": "analyze_sentiment", "duration_ms": 6_480},
        ],
        "top_violators": [
            {"caller": "9f2c41d07be1a35c", "refused": 122},
            {"caller": "01bb7c9e5a0f4d22", "refused": 41},
        ],
        "series": [_window(number) for number in range(288)],
        "availability": {
            "days": 30,
            "objective": 0.999,
            "availability": 0.9991,
            "error_budget": {"allowed": 41.9, "used": 36.9, "remaining": 0.12},
            "burn_rate": 1.8,
        },
    }


def _window(number: int) -> dict[str, Any]:
    wave = 1 + math.sin(number / 288 * 2 * math.pi - 2)
    down = 200 <= number < 212
    window: dict[str, Any] = {"start": NOON + number * WINDOW, "total_requests": round(60 + 110 * wave)}
    window["error_count"] = 45 if down else number % 3
    if not down:  # a window without an answered call has neither
        window |= {"p95_ms": 180 + 220 * wave, "cache_hits": round(60 + 10 * wave), "cache_misses": 40}
    return window


BREAKERS = {
    "breakers": [
        {"name": "reddit", "state": "open", "failure_count": 5},
        {"name": "reddit_token", "state": "half_open", "failure_count": 1},
        {"name": "apify_api", "state": "closed", "failure_count": 0},
    ]
}
