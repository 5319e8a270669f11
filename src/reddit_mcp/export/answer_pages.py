"""All pages of a tool's answer, by the tool's own cursor."""

import asyncio
import inspect
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from reddit_mcp.errors import Failure, InvalidInput, RateLimited, Unavailable
from reddit_mcp.tools import specs
from reddit_mcp.upstream.client import PAGE

Json = dict[str, Any]

Ask = Callable[[str, Json], Awaitable[Json]]
"""Calls a tool by its name; gives the structured content, an error's too."""

Sleep = Callable[[float], Awaitable[object]]

LISTS = ("results", "posts", "comments", "matches")
"""The lists of answers that come in pages."""

MOST_WAITS, LONGEST_WAIT = 5, 65.0
"""How often a page for which the budget is spent is asked for again, and the longest wait in seconds."""


async def pages(ask: Ask, tool: str, arguments: Json, sleep: Sleep = asyncio.sleep) -> AsyncGenerator[Json]:
    """The answers to a question, page after page; its `limit` is the number of items of all pages together.

    Without a limit all pages are read. A tool that has no pages answers once.

    Raises:
        InvalidInput: the arguments are wrong.
        RateLimited: a budget stays spent.
        Unavailable: a page cannot be had, for any other reason.
    """
    parameters, question = _parameters(tool), dict(arguments)
    sized, cursors = {"after", "limit"} <= parameters, set[str]()
    left = _total(arguments) if sized else sys.maxsize
    while True:
        if sized:
            question["limit"] = min(left, PAGE)
        answer = await _page(ask, tool, question, sleep)
        yield answer
        cursor, left = answer.get("after"), left - count(answer)
        if not cursor or cursor in cursors or left <= 0:
            return
        cursors.add(cursor)
        question["after"] = cursor


def count(answer: Json) -> int:
    """Items of a page."""
    return sum(len(answer.get(name, ())) for name in LISTS)


def _parameters(tool: str) -> set[str]:
    (spec,) = (spec for spec in specs() if spec.name == tool)
    return {*inspect.signature(spec.handler).parameters}


def _total(arguments: Json) -> int:
    """How many items are wanted in all."""
    given = str(arguments.get("limit", sys.maxsize)).strip()
    if given.isascii() and given.isdecimal() and (total := int(given)) > 0:
        return total
    raise InvalidInput("limit must be a whole number, 1 or more; without one all pages are read.")


async def _page(ask: Ask, tool: str, question: Json, sleep: Sleep) -> Json:
    """One answer; while the source's budget is spent, it waits as long as the refusal says."""
    for _ in range(MOST_WAITS):
        answer = await ask(tool, question)
        pause = _wait(answer.get("error", {}))
        if pause is None:
            break
        await sleep(pause)
    if error := answer.get("error"):
        raise _failure(error)
    return answer


def _wait(error: Json) -> float | None:
    """Seconds until the same question may be answered; None where waiting is of no use."""
    pause = error.get("data", {}).get("retry_after_seconds")
    if error.get("type") != RateLimited.type or pause is None or pause > LONGEST_WAIT:
        return None
    return float(pause)


def _failure(error: Json) -> Failure:
    kind = next((each for each in (InvalidInput, RateLimited) if each.type == error["type"]), Unavailable)
    return kind(error["message"], **error.get("data", {}))
