"""The Python SDK, version 1: makes the calls of standard input in one session and tells what came back."""

import asyncio
import importlib
import json
import os
import sys
from datetime import timedelta
from typing import Any

Json = dict[str, Any]

# by name, because the environment of the checks holds version 2
McpError = importlib.import_module("mcp").McpError
ClientSession = importlib.import_module("mcp").ClientSession
connect = importlib.import_module("mcp.client.streamable_http").streamablehttp_client


async def _outcome(session: Any, tool: str, arguments: Json) -> Json:
    try:
        result = await session.call_tool(tool, arguments)
    except McpError as error:
        return {"raised": {"code": error.error.code, "message": error.error.message, "data": error.error.data}}
    texts = [getattr(content, "text", None) for content in result.content]
    return {"is_error": result.isError, "texts": texts, "structured": result.structuredContent}


async def _outcomes(calls: list[tuple[str, Json]]) -> list[Json]:
    headers = {"X-API-Key": os.environ["MCP_KEY"]} if os.environ["MCP_KEY"] else {}
    try:
        async with (
            connect(os.environ["MCP_URL"], headers=headers) as (read, write, _),
            ClientSession(read, write, read_timeout_seconds=timedelta(seconds=60)) as session,
        ):
            await session.initialize()
            return [await _outcome(session, tool, arguments) for tool, arguments in calls]
    except* Exception as errors:  # noqa: BLE001 - which one it is, is what we want to know
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        refused = {"type": type(error).__name__, "message": str(error).split("\n", maxsplit=1)[0]}
    return [{"refused": refused}]


json.dump(asyncio.run(_outcomes(json.load(sys.stdin))), sys.stdout)
