"""Resources: a community, a post and a watch by address; names of communities complete themselves."""

from typing import TYPE_CHECKING, Any

import orjson
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import Completion

from reddit_mcp.errors import Failure, NotFound
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.reddit import names
from reddit_mcp.reddit.door import not_found
from reddit_mcp.tools import Services
from reddit_mcp.tools._fetch import only_posts
from reddit_mcp.tools._tool import scope_of
from reddit_mcp.tools._view import full_post
from reddit_mcp.tools.watch_keywords import shown

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

JSON = "application/json"
MOST_COMPLETIONS = 20


def register(server: "MCPServer", services: Services) -> None:
    """Offer the resources on this server."""

    @server.resource("reddit://r/{subreddit}/about", title="Community", mime_type=JSON)
    async def about(subreddit: str) -> str:
        """What a community is about, and its size."""
        return await _read(_about(services, subreddit))

    @server.resource("reddit://post/{post_id}", title="Post", mime_type=JSON)
    async def post(post_id: str) -> str:
        """A post with all of its fields."""
        return await _read(_post(services, post_id))

    @server.resource("reddit://watches/{watch_id}", title="Watch", mime_type=JSON)
    async def watch(watch_id: str, context: Context[Any, Any]) -> str:
        """A keyword watch of yours."""
        owner: Caller = scope_of(context).get("caller", LOCAL)
        return await _read(_watch(services, owner, watch_id))

    @server.completion()  # type: ignore[no-untyped-call,untyped-decorator]
    async def complete(_reference: Any, argument: Any, _context: Any) -> Completion | None:
        if argument.name not in ("subreddit", "first", "second"):
            return None
        return Completion(values=await _communities(services, argument.value))


async def _read(content: Any) -> str:
    try:
        return orjson.dumps(await content).decode()
    except NotFound as failure:
        raise ResourceNotFoundError(str(failure)) from failure
    except (Failure, ValueError) as failure:
        raise ResourceError(str(failure)) from failure


async def _about(services: Services, subreddit: str) -> dict[str, Any]:
    return (await services.reddit.subreddit(names.community(subreddit))).value.model_dump()


async def _post(services: Services, post_id: str) -> dict[str, Any]:
    identity, _ = names.post(post_id)
    found = only_posts((await services.reddit.info(f"t3_{identity}", f"post {identity}")).value.items)
    if not found:
        raise not_found(f"post {identity}")
    return full_post(found[0])


async def _watch(services: Services, owner: Caller, watch_id: str) -> dict[str, Any]:
    return shown(await services.watches.get(owner.id, watch_id))


async def _communities(services: Services, start: str) -> list[str]:
    """Names that begin like this; none when Reddit cannot say."""
    if not names.COMMUNITY.fullmatch(start):
        return []
    try:
        found = await services.reddit.completions(start)
    except Failure:
        return []
    return [name for name in found.value.names if name.lower().startswith(start.lower())][:MOST_COMPLETIONS]
