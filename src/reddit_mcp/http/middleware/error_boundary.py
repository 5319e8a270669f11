"""The last resort of a request: a bug outside the tools is told like one inside them."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.http.error_responses import refusal
from reddit_mcp.observability.logs import logger
from reddit_mcp.tools.declaration import error_results


async def guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the app answer; if it crashes before it has begun to, answer 500 in its place."""
    begun = False

    async def watched(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await app(scope, receive, watched)
    except Exception as error:
        logger(__name__).critical("request_crashed", exc_info=error)
        if begun:
            raise
        await refusal(error_results.bug(error, development=False), scope["request_id"])(scope, receive, send)
