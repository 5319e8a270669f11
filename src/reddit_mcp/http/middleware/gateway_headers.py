"""Behind Apify's gateway: what a request carries for the gateway, the server never sees.

The gateway owns the header `Authorization` and the parameter `token`: they hold the caller's token of the whole Apify
account. Taken out first, they can be neither used as a key of ours, nor logged, stored or sent on.
"""

from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Receive, Scope, Send

SECRETS = (b"authorization", b"proxy-authorization", b"cookie")


class GatewayHeaders:
    """The layer around everything else on Apify."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on without them."""
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if name.lower() not in SECRETS]
            scope = {**scope, "headers": headers, "query_string": _without_token(scope.get("query_string", b""))}
        await self._app(scope, receive, send)


def _without_token(query: bytes) -> bytes:
    if b"token" not in query.lower():
        return query
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return urlencode([(name, value) for name, value in pairs if name.lower() != "token"], encoding="latin-1").encode()
