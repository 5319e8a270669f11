"""The operator's view of the circuit breakers, and the manual reset."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reddit_mcp.errors import Failure, NotFound
from reddit_mcp.tools.declaration import error_results
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry


def breaker_routes(breakers: Callable[[], BreakerRegistry]) -> list[Route]:
    """`GET /breakers` and `POST /breakers/{name}/reset`; `breakers` gives those of the running application."""

    async def listed(_request: Request) -> JSONResponse:
        return JSONResponse({"breakers": [report.model_dump() for report in await breakers().reports()]})

    async def reset(request: Request) -> JSONResponse:
        try:
            report = await breakers().reset(request.path_params["name"])
        except Failure as failure:
            status = 404 if isinstance(failure, NotFound) else 503
            return JSONResponse(error_results.envelope(failure, request.scope.get("request_id", "")), status)
        return JSONResponse(report.model_dump())

    return [Route("/breakers", listed), Route("/breakers/{name}/reset", reset, methods=["POST"])]
