"""The part of Reddit's HTTP API that this product uses, over any `Store`.

Shapes, orders, limits and errors are Reddit's, as recorded traffic shows them. Beside Reddit's own headers every answer
carries `x-archive-span: <oldest>-<newest>`, the created_utc of the store's ends (0-0 while it is empty): that is how a
client learns that an archive answered.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, quote

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.archive.archive_store import NO_COMMENT_INDEX, NoCommentIndexError, Store
from reddit_mcp.archive.http_api import api_routes
from reddit_mcp.archive.http_api.api_call import Call, NoSuchCommunityError, NotFoundError
from reddit_mcp.archive.http_api.api_routes import Found

_THREADS = 4
_QUOTA = 60_000  # requests in a window: the headers have Reddit's form, but an archive has no reason to ration
_WINDOW = 600.0  # seconds
_MOVED = "<html>\n <head>\n  <title>302 Found</title>\n </head>\n <body>\n  <h1>302 Found</h1>\n </body>\n</html>\n"
_FREE = "/api/v1/access_token"


def create_app(store: Store) -> Starlette:
    """Reddit's API over a store. The store is asked in a few threads of its own, so that the loop stays free."""
    pool = ThreadPoolExecutor(_THREADS, "archive")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        pool.shutdown()

    table = [
        Route(path, _endpoint(answer, store, pool), methods=["GET", "POST"])
        for path, answer in api_routes.TABLE.items()
    ]
    app = Starlette(
        routes=[Route(_FREE, _token, methods=["POST"]), *table],
        middleware=[Middleware(_Headers, store=store, pool=pool), Middleware(_TokenCheck)],
        exception_handlers={HTTPException: _refused},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _endpoint(
    answer: Callable[[Call], Found], store: Store, pool: ThreadPoolExecutor
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        form = parse_qsl((await request.body()).decode("utf-8", "replace"))
        call = Call(store, request.path_params, {**request.query_params, **dict(form)})
        return await asyncio.get_running_loop().run_in_executor(pool, _respond, answer, call)

    return endpoint


def _respond(answer: Callable[[Call], Found], call: Call) -> Response:
    try:
        body = orjson.dumps(answer(call))
    except NoSuchCommunityError as missing:
        place = f"/subreddits/search?q={quote(missing.name)}"
        return Response(_MOVED, 302, {"location": place}, media_type="text/html; charset=UTF-8")
    except NotFoundError:
        return _error(404, "Not Found")
    except NoCommentIndexError:
        return _json(orjson.dumps({"message": "Not Implemented", "error": 501, "reason": NO_COMMENT_INDEX}), 501)
    return _json(body if call.raw else _escaped(body))


def _escaped(body: bytes) -> bytes:
    """Without raw_json=1 Reddit escapes all text; in JSON these characters occur in text only."""
    return body.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json; charset=UTF-8")


def _error(status: int, message: str) -> Response:
    return _json(orjson.dumps({"message": message, "error": status}), status)


async def _refused(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _error(status, {404: "Not Found", 405: "Method Not Allowed"}.get(status, "Bad Request"))


async def _token(_request: Request) -> Response:
    token = {"access_token": secrets.token_urlsafe(24), "token_type": "bearer", "expires_in": 3_600, "scope": "*"}
    return _json(orjson.dumps(token))


class _TokenCheck:
    """Wants a token, and takes the three spellings of a path (/hot, /hot/, /hot.json) for one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].rstrip("/").removesuffix(".json").rstrip("/") or "/"
        given = dict(scope["headers"]).get(b"authorization", b"")
        if path != _FREE and len(given.split()) != 2:  # noqa: PLR2004 - "bearer" and the token
            await _error(401, "Unauthorized")(scope, receive, send)
            return
        await self.app({**scope, "path": path}, receive, send)


class _Headers:
    """Reddit's rate-limit headers, and the archive's span, on every answer."""

    def __init__(self, app: ASGIApp, store: Store, pool: ThreadPoolExecutor) -> None:
        self.app = app
        self._store = store
        self._pool = pool
        self._started = time.monotonic()
        self._used = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limits = self._count()
        span = await asyncio.get_running_loop().run_in_executor(self._pool, self._store.span) or (0, 0)
        headers = {**limits, "x-archive-span": f"{span[0]}-{span[1]}"}

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in headers.items()]
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        await self.app(scope, receive, marked)

    def _count(self) -> dict[str, str]:
        passed = time.monotonic() - self._started
        if passed >= _WINDOW:
            self._started, self._used, passed = time.monotonic(), 0, 0.0
        self._used += 1
        return {
            "x-ratelimit-used": str(self._used),
            "x-ratelimit-remaining": str(float(max(_QUOTA - self._used, 0))),
            "x-ratelimit-reset": str(int(_WINDOW - passed)),
        }
