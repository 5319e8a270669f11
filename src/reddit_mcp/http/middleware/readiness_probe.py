"""The platform's readiness probe, answered before anything else looks at the request.

Apify asks once after the start of a container, under any Host name, and takes any answer for "ready".
Source: https://docs.apify.com/platform/actors/development/programming-interface/standby
"""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = "x-apify-container-server-readiness-probe"


class ReadinessProbe:
    """A layer that answers the probe; a server that answers is open."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the probe, pass anything else on."""
        if scope["type"] == "http" and scope["path"] == "/" and HEADER in Headers(scope=scope):
            await PlainTextResponse("ready")(scope, receive, send)
        else:
            await self._app(scope, receive, send)
