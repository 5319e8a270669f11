"""What becomes of each kind of Reddit's answers: the failure, whether it counts as Reddit being down, whether again."""

import json
from typing import Any

import pytest

from reddit_mcp.errors import Failure, InvalidInput, NotFound, RateLimited, UpstreamError
from reddit_mcp.upstream.reddit_api import response_errors
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.retry import RetryRules
from tests.support.breakers import away as away  # noqa: PLC0414 - fixtures
from tests.support.breakers import breakers as breakers  # noqa: PLC0414
from tests.support.breakers import through

API = "https://oauth.reddit.com/r/kettles/hot"
HTML = b"<!doctype html><title>Whoa</title>"
JSON = b'{"message": "words", "error": 1}'
LED = {"location": "/r/pots/hot"}
COUNTS = AGAIN = True

Kind = tuple[bytes, dict[str, str], type[Failure], bool, bool]
KINDS: list[tuple[list[int], *Kind]] = [
    ([300, 301, 302, 303, 307, 308], HTML, LED, response_errors.Moved, False, False),
    ([300, 301, 302, 303, 307, 308], b"", {}, NotFound, False, False),
    ([302], HTML, {"location": "/subreddits/search?q=kettles"}, NotFound, False, False),
    ([302], HTML, {"location": "/submit.json?url=x"}, NotFound, False, False),
    ([400], JSON, {}, InvalidInput, False, False),
    ([403], JSON, {}, NotFound, False, False),
    ([403], HTML, {}, UpstreamError, False, AGAIN),
    ([404, 410, 451], JSON, {}, NotFound, False, False),
    ([404, 410, 451], HTML, {}, NotFound, False, False),
    ([402, 405, 406, 407, 409, 411, 412, 413, 414, 415, 416, 417, 418], HTML, {}, UpstreamError, False, False),
    ([422, 423, 424, 426, 428, 431, 444, 499], JSON, {}, UpstreamError, False, False),
    ([421, 425], b"", {}, UpstreamError, False, AGAIN),
    ([408], b"", {}, UpstreamError, COUNTS, AGAIN),
    ([429], HTML, {"retry-after": "4"}, RateLimited, False, AGAIN),
    (
        [500, 501, 502, 503, 504, 505, 511, 520, 521, 522, 523, 524, 525, 526, 527, 530, 599],
        HTML,
        {},
        UpstreamError,
        COUNTS,
        AGAIN,
    ),
    (
        [101, 102, 103, 201, 202, 203, 204, 205, 206, 226, 304, 305, 306, 600, 999],
        b"",
        {},
        UpstreamError,
        COUNTS,
        AGAIN,
    ),
]
ROWS = [(status, row[1:]) for row in KINDS for status in row[0]]


async def opens(breakers: BreakerRegistry, failure: Failure) -> bool:
    """Whether this failure, again and again, opens Reddit's breaker."""
    breaker = breakers.get("reddit")
    for _ in range(30):
        if breaker.is_open:
            return True
        with pytest.raises(type(failure)):
            await through(breaker, failure)
    return breaker.is_open


@pytest.mark.parametrize(("status", "row"), ROWS)
async def test_each_kind(breakers: BreakerRegistry, status: int, row: Kind) -> None:
    body, headers, kind, counts, again = row
    failure = response_errors.refusal(status, headers, body, API, "community r/kettles")
    assert failure is not None
    assert type(failure) is kind
    assert await opens(breakers, failure) is counts
    assert (RetryRules().wait(failure, 1) is not None) is again
    assert "<" not in str(failure)


@pytest.mark.parametrize(
    ("payload", "kind", "counts"),
    [
        ({"error": 404}, NotFound, False),
        ({"message": "Forbidden", "error": 403, "reason": "private"}, NotFound, False),
        ({"error": 403}, NotFound, False),
        ({"error": 401}, UpstreamError, False),
        ({"error": 429}, RateLimited, False),
        ({"error": 500}, UpstreamError, COUNTS),
        ({"json": {"errors": [["BAD", "words", "field"]]}}, UpstreamError, False),
    ],
)
async def test_what_is_told_inside_a_good_answer(
    breakers: BreakerRegistry, payload: Any, kind: type[Failure], counts: bool
) -> None:
    failure = response_errors.told_inside(payload, {}, API, "community r/kettles")
    assert failure is not None
    assert type(failure) is kind
    assert await opens(breakers, failure) is counts


@pytest.mark.parametrize("payload", [[], None, "x", {"error": True}, {"error": 200}, {"error": "404"}, {"json": {}}])
def test_nothing_is_told(payload: Any) -> None:
    assert response_errors.told_inside(json.loads(json.dumps(payload)), {}, API, "community r/kettles") is None


async def test_too_large_counts_and_is_not_asked_for_again(breakers: BreakerRegistry) -> None:
    failure = response_errors.too_large("reddit")
    assert await opens(breakers, failure)
    assert RetryRules().wait(failure, 1) is None
