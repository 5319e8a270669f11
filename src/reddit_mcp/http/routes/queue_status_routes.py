"""`/queue/status/{request_id}`: what became of a queued request, for its owner."""

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.limits.queue_tickets import Notice, QueueTickets

PATHS = ("/queue/status/{request_id}", "/api/queue/status/{request_id}")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NONE = Notice("", "not_found", message="You have no queued request of this id.")


def routes(tickets: Callable[[], QueueTickets | None], owner: Callable[[Request], str]) -> list[Route]:
    """The routes; `tickets` gives None until the store is open, `owner` tells who asks."""

    async def status(request: Request) -> JSONResponse:
        store, request_id = tickets(), request.path_params["request_id"]
        try:
            if store is None:
                return _unavailable("The server is starting.")
            notice = await store.read(request_id, owner(request)) if _ID.fullmatch(request_id) else _NONE
        except Unavailable as failure:
            return _unavailable(str(failure))
        return _shown(notice)

    return [Route(path, status) for path in PATHS]


def _shown(notice: Notice) -> JSONResponse:
    wait = round(notice.estimated_wait)
    content = {
        "request_id": notice.request_id,
        "status": notice.status,
        "position": notice.position,
        "estimated_wait_seconds": wait,
        "message": notice.message,
    }
    headers = {"Cache-Control": "no-store"}
    if notice.status in ("queued", "processing"):
        headers["Retry-After"] = str(max(1, wait))
    return JSONResponse(content, 404 if notice.status == "not_found" else 200, headers)


def _unavailable(sentence: str) -> JSONResponse:
    """The store is away, so nobody knows."""
    return JSONResponse({"status": "unavailable", "message": sentence}, 503, {"Retry-After": "1"})
