"""The jobs of a run that is no server: over the real tools, with a run that remembers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from reddit_mcp.actor import single_run
from reddit_mcp.actor.dataset_rows import Row
from reddit_mcp.actor.single_run import work
from reddit_mcp.errors import Unavailable
from tests.support.quotas import Upstream
from tests.support.tools_in_process import call, server_over

ANSWER: dict[str, Any] = {"metadata": {"execution_time_ms": 1, "source": "reddit"}}


class Run:
    """A run, as its job sees it."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.said: list[str] = []
        self.end: tuple[str, bool] | None = None

    async def push(self, rows: Sequence[Row]) -> None:
        self.rows.extend(rows)

    async def say(self, message: str) -> None:
        self.said.append(message)

    def end_with(self, message: str, *, failed: bool = False) -> None:
        self.end = (message, failed)


async def answered(_tool: str, _arguments: Any) -> dict[str, Any]:
    return {**ANSWER, "results": [], "posts": [{"id": "1", "subreddit": "lua", "author": "ada"}]}


async def no_tick() -> int:
    raise AssertionError


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"job": "search"}, "query is required"),
        ({"job": "search", "query": "lua", "limit": 5000}, "limit is too large"),
        ({"job": "search", "query": None}, "query is required"),
        ({"job": "dance"}, "self-check, search or watch-tick"),
    ],
)
async def test_an_input_that_asks_for_nothing_fails_in_words(given: dict[str, Any], word: str) -> None:
    run, tools = Run(), server_over(Upstream())

    async def ask(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return await call(tools, tool, **arguments)

    assert not await work(run, given, ask, no_tick)
    assert run.end is not None
    assert run.end[1]
    assert word in run.end[0]
    assert run.rows == []


async def test_a_search_that_finds_nothing_says_so() -> None:
    run = Run()
    assert await work(run, {"job": "search", "query": "lua"}, answered, no_tick)
    assert run.rows == [{"job": "search", "message": "No post was found."}]
    assert run.end == ("Found 0 posts in Reddit.", False)


@pytest.mark.parametrize(("reason", "is_success"), [("charge_limit", True), ("breaker_open", False)])
async def test_a_search_that_breaks_off_keeps_what_it_found(reason: str, is_success: bool) -> None:
    async def ask(_tool: str, arguments: Any) -> dict[str, Any]:
        if "after" in arguments:
            return {"error": {"type": "unavailable", "message": "No more.", "data": {"reason": reason}}}
        return {**ANSWER, "results": [{"id": "1", "subreddit": "lua"}], "after": "t3_1"}

    run = Run()
    assert await work(run, {"job": "search", "query": "lua"}, ask, no_tick) is is_success
    assert [row["post_id"] for row in run.rows] == ["1"]
    assert run.end == ("Found 1 posts, and no more: No more.", not is_success)


async def test_without_an_input_it_checks_itself() -> None:
    run = Run()
    assert await work(run, {}, answered, no_tick)
    assert run.said[0] == "Trying get_subreddit_posts."
    assert len(run.rows) == len(run.said) == 7
    assert run.end == ("Every tool that reads works, over Reddit.", False)


async def test_a_check_fails_for_trouble_but_not_for_what_reddit_has_not() -> None:
    async def ask(tool: str, arguments: Any) -> dict[str, Any]:
        kind = {"get_user_info": "not_found", "search_reddit": "timeout"}.get(tool)
        return {"error": {"type": kind, "message": "no"}} if kind else await answered(tool, arguments)

    run = Run()
    assert not await work(run, {"job": "self-check"}, ask, no_tick)
    assert run.end == ("These parts do not work: search_reddit; the dataset says why.", True)
    assert [row["check"] for row in run.rows if not row["ok"]] == ["search_reddit"]


async def test_watches_are_counted_and_a_failure_is_passed_on() -> None:
    async def tick() -> int:
        return 3

    async def failing() -> int:
        raise Unavailable("REDIS_URL is not set.")

    run = Run()
    assert await work(run, {"job": "watch-tick"}, answered, tick)
    assert run.rows == [{"job": "watch-tick", "message": "The due keyword watches found 3 new matches."}]
    assert not await work(run, {"job": "watch-tick"}, answered, failing)
    assert run.end == ("REDIS_URL is not set.", True)


async def test_a_job_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never() -> int:
        return await asyncio.Event().wait()

    monkeypatch.setattr(single_run, "JOB_SECONDS", 0.05)
    run = Run()
    assert not await work(run, {"job": "watch-tick"}, answered, never)
    assert run.end == ("The job took longer than 0.05 seconds.", True)
