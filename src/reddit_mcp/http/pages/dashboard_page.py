"""`/dashboard`: the page around the figures of `/stats`, which its script asks for with the operator's key."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.http.pages.page_templates import page, wants_html

PATH = "/dashboard"
REFUSED = (401, 403)


async def dashboard(_request: Request) -> Response:
    """The page; it holds no figure itself."""
    return page("dashboard.html", here=PATH)


class DashboardSignIn:
    """Stands above authentication: a browser that is refused at `/dashboard` is shown where to type the key.

    A browser sends no key when a person opens an address, so the refusal is the page itself, with the status of the
    refusal. The script then sends the key with each request for figures, and those alone are worth protecting.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and change a refusal of a browser."""
        if scope["type"] != "http" or scope["path"] != PATH or not wants_html(Headers(scope=scope).get("accept", "")):
            await self._app(scope, receive, send)
            return
        refused: list[int] = []

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in REFUSED:
                refused.append(message["status"])
            if not refused:
                await send(message)

        await self._app(scope, receive, watched)
        if refused:
            await page("dashboard.html", refused[0], here=PATH)(scope, receive, send)
