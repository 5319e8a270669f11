"""A run that is no server: one job, its results in the default dataset, and an honest end.

The platform tries every Actor of its Store like this each day, with the input's prefilled values, and wants success
and a dataset that is not empty within five minutes.
Source: https://docs.apify.com/platform/actors/publishing/test
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from reddit_mcp.actor.dataset_rows import Row, of_check, of_post
from reddit_mcp.errors import Failure, InvalidInput, Unavailable
from reddit_mcp.export.answer_pages import Ask, pages

JOB_SECONDS = 240.0
SELF_CHECK = "self-check"

SEARCH = ("query", "subreddit", "time_filter", "sort", "limit")
"""The words of the input that are arguments of the tool search_reddit."""

DEFAULT_POSTS, MOST_POSTS = 25, 1000

Json = dict[str, Any]

Tick = Callable[[], Awaitable[int]]
"""Processes the watches that are due; gives how many matches they found."""


class Run(Protocol):
    """The run, as its job sees it."""

    async def push(self, rows: Sequence[Row]) -> None:
        """Add rows to the dataset."""
        ...

    async def say(self, message: str) -> None:
        """Show how far it is."""
        ...

    def end_with(self, message: str, *, failed: bool = False) -> None:
        """What it says in the end."""
        ...


async def work(run: Run, given: Json, ask: Ask, tick: Tick) -> bool:
    """Do the job that the input names, self-check by default; True when it succeeded."""
    try:
        async with asyncio.timeout(JOB_SECONDS):
            message = await _job(run, given, ask, tick)
    except (Failure, TimeoutError) as failure:
        run.end_with(str(failure) or f"The job took longer than {JOB_SECONDS:g} seconds.", failed=True)
        return False
    run.end_with(message)
    return True


async def _job(run: Run, given: Json, ask: Ask, tick: Tick) -> str:
    match given.get("job", SELF_CHECK):
        case "search":
            return await _search(run, given, ask)
        case "watch-tick":
            return await _watch_tick(run, tick)
        case "self-check":
            return await _self_check(run, ask)
        case _:
            raise InvalidInput("The input's job must be self-check, search or watch-tick.")


async def _search(run: Run, given: Json, ask: Ask) -> str:
    """Read pages until there are as many posts as the input asks for; what was found stays when a page fails."""
    await run.say("Searching Reddit.")
    question: Json = {"limit": DEFAULT_POSTS} | {name: given[name] for name in SEARCH if given.get(name) is not None}
    if isinstance(question["limit"], int) and question["limit"] > MOST_POSTS:
        raise InvalidInput(f"limit is too large; allowed is a whole number from 1 to {MOST_POSTS}.")
    found, source = 0, "Reddit"
    try:
        async for page in pages(ask, "search_reddit", question):
            if page["results"]:
                await run.push([of_post("search", post) for post in page["results"]])
            found, source = found + len(page["results"]), _source(page)
            await run.say(f"Found {found} posts.")
    except Failure as failure:
        return _in_part(found, failure)
    if not found:
        await run.push([{"job": "search", "message": "No post was found."}])
    return f"Found {found} posts in {source}."


def _in_part(found: int, failure: Failure) -> str:
    """What to say of a search that broke off.

    Raises:
        Failure: nothing was found, or it broke off for another reason than the limit on what the run may cost.
    """
    if not found:
        raise failure
    message = f"Found {found} posts, and no more: {failure}"
    if failure.data.get("reason") == "charge_limit":
        return message
    raise Unavailable(message) from failure


async def _watch_tick(run: Run, tick: Tick) -> str:
    await run.say("Processing the keyword watches that are due.")
    message = f"The due keyword watches found {await tick()} new matches."
    await run.push([{"job": "watch-tick", "message": message}])
    return message


async def _self_check(run: Run, ask: Ask) -> str:
    """Try every tool that reads, each with what an earlier one found."""
    checks = SelfCheck(run, ask)
    listing = await checks.attempt("get_subreddit_posts", {"subreddit": "all", "sort": "hot", "limit": 10})
    post: Json = next((post for post in listing.get("posts", ()) if post["author"] != "[deleted]"), {})
    for tool, arguments in _with(post):
        await checks.attempt(tool, arguments)
    if checks.failed:
        raise Unavailable(f"These parts do not work: {', '.join(checks.failed)}; the dataset says why.")
    return f"Every tool that reads works, over {_source(listing)}."


def _with(post: Json) -> Sequence[tuple[str, Json]]:
    """The calls about a post; without one they fail, and so does the check."""
    name, community, author = post.get("id", ""), post.get("subreddit", ""), post.get("author", "")
    return (
        ("search_reddit", {"query": community, "time_filter": "all", "limit": 5}),
        ("get_post_comments", {"post_id": name, "limit": 20}),
        ("get_trending_topics", {"scope": "all"}),
        ("analyze_sentiment", {"content_type": "thread", "content_id": name, "limit": 20}),
        ("get_user_info", {"username": author, "include": "profile"}),
        ("get_subreddit_info", {"subreddit": community}),
    )


class SelfCheck:
    """Calls tools, and notes in the dataset how each did.

    Attributes:
        failed: the tools that failed.
    """

    def __init__(self, run: Run, ask: Ask) -> None:
        self.failed: list[str] = []
        self._run = run
        self._ask = ask

    async def attempt(self, tool: str, arguments: Json) -> Json:
        """Call a tool; its answer, which is an error when it failed."""
        await self._run.say(f"Trying {tool}.")
        answer = await self._ask(tool, arguments)
        error: Json = answer.get("error", {})
        # what Reddit has not, or hides, it has said: the way there works
        if failed := error.get("type", "not_found") != "not_found":
            self.failed.append(tool)
        message = error["message"] if error else f"answered in {answer['metadata']['execution_time_ms']} ms"
        await self._run.push([of_check(tool, ok=not failed, message=message)])
        return answer


def _source(answer: Json) -> str:
    source = answer.get("metadata", {}).get("source")
    return {
        "archive": "an imported archive",
        "arctic_shift": "Arctic Shift, a public archive of Reddit",
        "sample": "invented sample data, because nothing else can be reached",
    }.get(source, "Reddit")
