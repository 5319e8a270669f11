"""Billing in a run of many accounts: each request pays for itself while it is in flight, or is not answered."""

import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client
from mcp.shared._httpx_utils import create_mcp_http_client

from tests.support.billed_actor import (
    PATIENT,
    BilledServer,
    Run,
    billed_run,
    forgetful,
    is_good,
    kinds,
    mishaps,
    reason,
    side_by_side,
)
from tests.support.fake_platform import FakePlatform, Fault


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, FakePlatform]]:
    """A run of many accounts, for the tests that leave it as it was."""
    platform = FakePlatform(tenancy="multi")
    with (
        platform.running(),
        billed_run(tmp_path_factory.mktemp("multi"), platform, APIFY_TENANCY="multi", **PATIENT) as run,
    ):
        yield run, platform


@pytest.fixture
async def multi(shared: tuple[Run, FakePlatform]) -> AsyncIterator[tuple[BilledServer, FakePlatform]]:
    async with forgetful(*shared) as both:
        yield both


async def test_in_a_run_of_many_accounts_each_request_pays_for_itself_while_it_is_in_flight(
    multi: tuple[BilledServer, FakePlatform],
) -> None:
    server, platform = multi
    with platform.request("first"), platform.request("second"):
        communities = (await server.call("get_trending_topics", "first"))["trending_topics"][0]["top_subreddits"]
        posts = await server.call("get_subreddit_posts", "second", subreddit=communities[0]["name"])
    mixed = kinds(max(posts["posts"], key=lambda post: int(post["num_comments"]))["id"])
    platform.charges.clear()
    platform.mishap = mishaps(random.Random(11))
    names = [f"mixed-{number}" for number in range(200)]
    answers = await side_by_side(
        server.through_gateway(platform, tool, name, **arguments)
        for name, (tool, arguments) in zip(names, mixed * 40, strict=True)
    )
    answered = {name for name, answer in zip(names, answers, strict=True) if is_good(answer)}
    unpaid = {name for name, answer in zip(names, answers, strict=True) if _is_unpaid(answer)}
    paid = Counter((charge.event, str(charge.request_id)) for charge in platform.charges)
    payers = {name for _, name in paid}
    assert len(answered) + len(unpaid) == 120
    # An answer goes out when a part of it is paid; a charge whose fate is unknown for 3 s may be paid and refused.
    assert answered <= payers <= answered | unpaid
    assert len(unpaid) < 12
    assert set(paid.values()) == {1}
    assert not platform.charging.late
    assert platform.charging.repeated
    assert all(charge.key.startswith(f"{charge.request_id}:") for charge in platform.charges)


def _is_unpaid(answer: dict[str, Any]) -> bool:
    return not is_good(answer) and answer["error"]["data"].get("reason") == "charge_failed"


async def test_in_a_run_of_many_accounts_only_a_request_in_flight_can_pay(
    multi: tuple[BilledServer, FakePlatform],
) -> None:
    server, platform = multi
    unnamed = await server.call("search_reddit", query="garden")
    ended = await server.call("search_reddit", "request-that-ended", query="garden")
    read = await server.read("reddit://r/python/about")
    assert [reason(answer) for answer in (unnamed, ended, read)] == ["charge_failed"] * 3
    assert [charge.request_id for charge in platform.charging.late] == ["request-that-ended"]
    assert not platform.charged


async def test_in_a_run_of_many_accounts_a_call_over_sse_is_refused(
    multi: tuple[BilledServer, FakePlatform], shared: tuple[Run, FakePlatform]
) -> None:
    """The request that brings a call there has ended before the answer, so nobody could be charged for it."""
    _, platform = multi
    platform.mishap = lambda path, _number: Fault(delay=0.3) if "/charge" in path else None

    in_flight = platform.charging.open_requests

    def through_gateway(*options: Any, **more: Any) -> httpx2.AsyncClient:
        client = create_mcp_http_client(*options, **more)

        async def begins(request: httpx2.Request) -> None:
            request.headers["x-actor-request-id"] = "over-sse"
            in_flight["over-sse"] += request.method == "POST"

        async def ends(response: httpx2.Response) -> None:
            in_flight["over-sse"] -= response.request.method == "POST"

        client.event_hooks = {"request": [begins], "response": [ends]}
        return client

    async with (
        sse_client(f"{shared[0].address}/sse", httpx_client_factory=through_gateway) as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        await session.list_tools()  # whose schemas the client checks answers against
        answer = (await session.call_tool("search_reddit", {"query": "garden"})).structured_content
    assert reason(answer or {}) == "charge_failed"
    assert [charge.request_id for charge in platform.charging.late] == ["over-sse"]
    assert not platform.charged


async def test_in_a_run_of_many_accounts_nothing_is_answered_while_the_platform_is_down(
    multi: tuple[BilledServer, FakePlatform],
) -> None:
    server, platform = multi
    platform.mishap = lambda path, _number: Fault(hang=True) if "/charge" in path else None
    started = time.monotonic()
    refused = await server.through_gateway(platform, "search_reddit", query="garden")
    seconds = time.monotonic() - started
    platform.heal()
    good = await server.through_gateway(platform, "search_reddit", query="garden")
    assert reason(refused) == "charge_failed"
    assert seconds > 2.5, "the charge was sent again meanwhile"
    assert is_good(good)
    assert platform.charged == {"tool-call": 1}
