"""A refusal over plain HTTP: a status for programs that read no further, and the error object for all others."""

import math
from http import HTTPStatus
from typing import Any, cast

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from reddit_mcp.errors import Failure, InvalidInput, NotFound, Unavailable
from reddit_mcp.tools.declaration.error_results import envelope

STATUS = {
    "invalid_input": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "rate_limited": 429,
    "internal": 500,
    "upstream_error": 502,
    "unavailable": 503,
    "timeout": 504,
}

CHALLENGE = 'Bearer realm="reddit-mcp", error="invalid_token"'
"""RFC 6750, section 3; without the metadata of RFC 9728, which would send clients into a sign-in that is not there."""


def refusal(failure: Failure, trace_id: str, challenge: str = CHALLENGE) -> JSONResponse:
    """The failure as an HTTP answer whose body is a JSON-RPC error without an id, which MCP clients show."""
    headers = {"WWW-Authenticate": challenge} if failure.type == "unauthenticated" else {}
    if (wait := failure.data.get("retry_after_seconds")) is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    body = {"jsonrpc": "2.0", "id": None, **envelope(failure, trace_id)}
    return _Quick(body, STATUS[failure.type], headers)


async def refused(request: Request, error: Exception) -> JSONResponse:
    """What a route or the router refuses by an `HTTPException`, in the same form, with the exception's own status."""
    known = cast("HTTPException", error)  # Starlette's type for all handlers is wider
    answer = refusal(_failure(known), request.scope.get("request_id", ""))
    answer.status_code = known.status_code
    answer.headers.update(known.headers or {})
    return answer


def _failure(error: HTTPException) -> Failure:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this address.", resource="page")
    if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return Unavailable(error.detail, reason="starting", retry_after_seconds=1)
    return InvalidInput(error.detail.rstrip(".") + ".")


class _Quick(JSONResponse):
    """Refusals come in floods."""

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)
