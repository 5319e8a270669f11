"""Resources: a community, a post and a watch by address; names of communities complete themselves.

A community and a post are read through the tools that give them, so that a read costs its caller what the call costs.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp.types import Completion

from reddit_mcp.errors import Failure, NotFound
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.tools import Services
from reddit_mcp.tools.declaration.tool_spec import scope_of
from reddit_mcp.tools.watch_keywords import shown
from reddit_mcp.upstream.reddit_api import identifiers
from reddit_mcp.upstream.single_flight.call_context import deadline
from reddit_mcp.upstream.source import Priority

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

JSON = "application/json"
MOST_COMPLETIONS = 20
COMPLETION_SECONDS = 2.0
"""A person who types waits no longer."""


def register(server: "MCPServer", services: Services) -> None:
    """Offer the resources on this server."""

    @server.resource("reddit://r/{subreddit}/about", title="Community", mime_type=JSON)
    async def about(subreddit: str, context: Context[Any, Any]) -> str:
        """What a community is about, and its size."""
        answer = await _asked(server, context, "get_subreddit_info", subreddit=subreddit)
        return _json(answer["subreddit"])

    @server.resource("reddit://post/{post_id}", title="Post", mime_type=JSON)
    async def post(post_id: str, context: Context[Any, Any]) -> str:
        """A post with all of its fields."""
        answer = await _asked(server, context, "get_post_comments", post_id=post_id, detail="full")
        return _json(answer["post"])

    @server.resource("reddit://watches/{watch_id}", title="Watch", mime_type=JSON)
    async def watch(watch_id: str, context: Context[Any, Any]) -> str:
        """A keyword watch of yours."""
        owner: Caller = scope_of(context).get("caller", LOCAL)
        return _json(await _watch(services, owner, watch_id))

    @server.completion()  # type: ignore[no-untyped-call,untyped-decorator]
    async def complete(_reference: Any, argument: Any, _context: Any) -> Completion | None:
        if argument.name not in ("subreddit", "first", "second"):
            return None
        return Completion(values=await _communities(services, argument.value))


async def _asked(server: "MCPServer", context: Context[Any, Any], tool: str, **arguments: str) -> dict[str, Any]:
    """What a tool answers to the caller of a read.

    Raises:
        ResourceNotFoundError: Reddit has no such thing.
        MCPError: any other failure, with the code and the data of the tool's error.
    """
    answer = getattr(await server.call_tool(tool, arguments, context), "structured_content", None) or {}
    error = answer.get("error")
    if error is None:
        return answer
    if error["type"] == NotFound.type:
        raise ResourceNotFoundError(error["message"])
    raise MCPError(error["code"], error["message"], error["data"])


async def _watch(services: Services, owner: Caller, watch_id: str) -> dict[str, Any]:
    """A watch; nothing is asked of Reddit for it, so it costs nothing."""
    try:
        return shown(await services.watches.get(owner.id, watch_id))
    except NotFound as failure:
        raise ResourceNotFoundError(str(failure)) from failure
    except Failure as failure:
        raise ResourceError(str(failure)) from failure


def _json(content: Any) -> str:
    return orjson.dumps(content).decode()


async def _communities(services: Services, start: str) -> list[str]:
    """Names that begin like this; none when Reddit cannot say."""
    if not identifiers.COMMUNITY.fullmatch(start):
        return []
    deadline.set(asyncio.get_running_loop().time() + COMPLETION_SECONDS)
    try:
        async with asyncio.timeout(COMPLETION_SECONDS):
            found = await services.reddit.at(Priority.LOW).completions(start)  # behind calls: nobody pays for these
    except (Failure, TimeoutError):
        return []
    return [name for name in found.value.names if name.lower().startswith(start.lower())][:MOST_COMPLETIONS]
