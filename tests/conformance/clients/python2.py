"""The Python SDK, version 2: makes the calls of standard input in one session and tells what came back."""

import asyncio
import json
import os
import sys
from typing import Any, cast

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

Json = dict[str, Any]


async def _outcome(client: Client, tool: str, arguments: Json) -> Json:
    try:
        result = await client.call_tool(tool, arguments)
    except MCPError as error:
        return {"raised": {"code": error.code, "message": error.message, "data": error.data}}
    texts = [getattr(content, "text", None) for content in result.content]
    return {"is_error": result.is_error, "texts": texts, "structured": result.structured_content}


async def _outcomes(calls: list[tuple[str, Json]]) -> list[Json]:
    headers = {"X-API-Key": os.environ["MCP_KEY"]} if os.environ["MCP_KEY"] else {}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(os.environ["MCP_URL"], http_client=http)
        try:
            async with Client(transport, mode=cast("Any", os.environ["MCP_MODE"])) as client:
                return [await _outcome(client, tool, arguments) for tool, arguments in calls]
        except* MCPError as errors:
            refused = _first(errors)
    return [{"refused": {"code": refused.code, "message": refused.message}}]


def _first(error: BaseException) -> MCPError:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return cast("MCPError", error)


json.dump(asyncio.run(_outcomes(json.load(sys.stdin))), sys.stdout)
