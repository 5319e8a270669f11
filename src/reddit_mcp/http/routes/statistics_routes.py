"""The operator's figures: `/metrics` for Prometheus, `/stats` for the dashboard."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reddit_mcp.metering.call_statistics import CallStatistics
from reddit_mcp.metering.statistics_report import report
from reddit_mcp.observability import metrics

Live = Callable[[], dict[str, Any]]
"""What is true at this moment, such as the budget; it writes the gauges too."""


def statistics_routes(statistics: Callable[[], CallStatistics], live: Live) -> list[Route]:
    """`GET /metrics` and `GET /stats`; the arguments give those of the running application."""

    async def prometheus(_request: Request) -> Response:
        live()
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def stats(_request: Request) -> JSONResponse:
        return JSONResponse({**await report(statistics()), **live()}, headers={"Cache-Control": "no-store"})

    return [Route("/metrics", prometheus, methods=["GET"]), Route("/stats", stats, methods=["GET"])]
