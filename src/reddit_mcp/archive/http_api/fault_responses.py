"""What Reddit answers on a bad day, each answer an ASGI app.

Statuses, headers and fields are those of recorded traffic; the sentences are invented.
"""

import asyncio
from typing import Any
from urllib.parse import quote

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_DRIP = 0.5  # seconds from byte to byte
_WAIT = 2  # seconds that a 429 asks for
_UNAUTHORIZED = {"www-authenticate": 'Bearer realm="reddit", error="invalid_token"'}
_LISTING = (
    b'{"kind": "Listing", "data": {"after": null, "before": null, "dist": 1, "children": [{"kind": "t3", "data": '
)


def refusal(status: int, message: str, headers: dict[str, str] | None = None, **facts: str) -> Response:
    """Reddit's JSON for an answer that is none."""
    return _json(status, {**facts, "message": message, "error": status}, headers)


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type="application/json; charset=UTF-8")


def _page(status: int, title: str, headers: dict[str, str] | None = None) -> Response:
    """The HTML that Reddit's outer servers send."""
    body = f"<!doctype html>\n<html>\n  <head>\n    <title>{title}</title>\n  </head>\n  <body>\n    <h1>{title}</h1>\n"
    return Response(f"{body}  </body>\n</html>\n", status, headers, media_type="text/html; charset=UTF-8")


def _warned(reason: str, field: str) -> Response:
    """A 403 with a warning as text and as Reddit's HTML."""
    text = f"This community is {reason} so that programs can be tried out on it."
    html = f'<!-- SC_OFF --><div class="md"><p>{text}</p>\n</div><!-- SC_ON -->'
    facts = {"reason": reason, field: text, f"{field}_html": html}
    return _json(403, {**facts, "message": "Forbidden", "error": 403})


async def _missing(scope: Scope, receive: Receive, send: Send) -> None:
    """Reddit sends a client who asks for an unknown community to its search; other unknown things are a 404."""
    _, kind, name, *_ = f"{scope['path']}//".split("/")
    place = {"location": f"/subreddits/search?q={quote(name)}"}
    answer = _page(302, "302 Found", place) if kind == "r" else refusal(404, "Not Found")
    await answer(scope, receive, send)


async def _hang(_scope: Scope, receive: Receive, _send: Send) -> None:
    """Nothing, until the client gives up."""
    await _disconnected(receive)


async def _drip(_scope: Scope, receive: Receive, send: Send) -> None:
    """Byte after byte, each soon enough for a client that only looks at the next one."""
    headers = [(b"content-type", b"application/json; charset=UTF-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for byte in _LISTING:
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        if await _gone(receive):
            return
    await send({"type": "http.response.body", "body": b"{}}]}}"})


async def _gone(receive: Receive) -> bool:
    """Whether the client hangs up before the next byte is due."""
    try:
        async with asyncio.timeout(_DRIP):
            await _disconnected(receive)
    except TimeoutError:
        return False
    return True


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


ANSWERS: dict[str, ASGIApp] = {
    "401": refusal(401, "Unauthorized", _UNAUTHORIZED),
    "private": refusal(403, "Forbidden", reason="private"),
    "gated": _warned("gated", "interstitial_warning_message"),
    "quarantined": _warned("quarantined", "quarantine_message"),
    "banned": refusal(404, "Not Found", reason="banned"),
    "missing": _missing,
    "blocked": _page(403, "Blocked"),
    "429": _page(429, "Too Many Requests", {"retry-after": str(_WAIT)}),
    "429_bare": _page(429, "Too Many Requests"),
    "500": refusal(500, "Internal Server Error"),
    "500_html": _page(500, "Something broke"),
    "502": refusal(502, "Bad Gateway"),
    "502_html": _page(502, "Nobody behind the gate"),
    "503": refusal(503, "Service Unavailable"),
    "503_html": _page(503, "Every server is busy"),
    "html": _page(200, "One moment, please"),
    "cut": Response(_LISTING, media_type="application/json; charset=UTF-8"),
    "hang": _hang,
    "drip": _drip,
}
"""Answers to requests for data."""

TOKEN_ANSWERS: dict[str, ASGIApp] = {
    "token_401": refusal(401, "Unauthorized"),
    "token_invalid_grant": _json(200, {"error": "invalid_grant"}),
}
"""Answers to requests for a token."""
