"""A fault in the middle of a tool's work: what was fetched stays, and the answer says what is missing."""

from typing import Any, TypeVar

import pytest

from reddit_mcp.errors import DeadlineExceeded, Failure, NotFound, RateLimited, UpstreamError
from reddit_mcp.models import Value
from reddit_mcp.upstream.reddit_api.parsing import parse
from reddit_mcp.upstream.source import Answer, Query
from tests.support.reddit_shapes import more, t1, thread
from tests.support.tools_in_process import call, server_over

T = TypeVar("T", bound=Value)
TREE = thread(t1("k1"), more(children=("a", "b"), count=2), more(children=("c",), count=1))


class Failing:
    """A Source that knows a thread, and opens so many of its collapsed nodes before it fails."""

    def __init__(self, failure: Failure, calls: int, opened: int = 0) -> None:
        self.failure, self.failure.calls, self.opened = failure, calls, opened

    async def fetch(self, query: Query[T]) -> Answer[T]:
        found: Any = TREE
        if query.method == "POST":
            if not self.opened:
                raise self.failure
            self.opened -= 1
            things = [t1("a", "t1_k1"), t1("b", "t1_k1")]
            found = {"json": {"errors": [], "data": {"things": things}}}
        return Answer(parse(query.model, found), calls=1, ttl=query.ttl)


async def expanded(source: Failing) -> dict[str, Any]:
    return await call(server_over(source), "get_post_comments", post_id="1abc2d", expand_more=5)


@pytest.mark.parametrize(
    "failure",
    [
        UpstreamError("Reddit is having trouble (HTTP 503); try again later.", status_code=503),
        DeadlineExceeded("Reddit did not answer in time.", operation="reddit request"),
        RateLimited("Reddit's request budget is used up.", limit_type="reddit_api", status="queued"),
        NotFound("There is no post 1abc2d on Reddit.", resource="post 1abc2d"),
    ],
    ids=lambda failure: failure.type,
)
async def test_collapsed_comments_that_cannot_be_had_stay_collapsed(failure: Failure) -> None:
    content = await expanded(Failing(failure, calls=3))
    assert [comment["id"] for comment in content["comments"]] == ["k1"]
    assert (content["returned_comments"], content["collapsed_comments"]) == (1, 3)
    metadata = content["metadata"]
    assert metadata["degraded"] == f"A part is missing: {failure}"
    assert metadata["reddit_api_calls"] == 1 + 3, "what the failed attempts cost is told too"


async def test_what_was_opened_before_the_fault_stays() -> None:
    content = await expanded(Failing(UpstreamError("Down."), calls=1, opened=1))
    assert [reply["id"] for reply in content["comments"][0]["replies"]] == ["a", "b"]
    assert (content["returned_comments"], content["collapsed_comments"]) == (3, 1)
    assert content["metadata"]["reddit_api_calls"] == 3


async def test_a_whole_answer_is_not_degraded() -> None:
    content = await expanded(Failing(UpstreamError("Down."), calls=1, opened=9))
    assert content["collapsed_comments"] == 0
    assert "degraded" not in content["metadata"]
