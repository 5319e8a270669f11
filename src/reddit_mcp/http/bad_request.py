"""HTTP requests that are refused for what they are, before anybody asks what they want."""

from starlette.responses import JSONResponse
from starlette.types import Scope

from reddit_mcp.errors import InvalidInput
from reddit_mcp.tools.declaration import error_results

INVALID_REQUEST = -32600
PARSE_ERROR = -32700
"""JSON-RPC 2.0, section 5.1."""


class BadRequest(Exception):
    """A request that is not served; the message is one sentence for its sender.

    Attributes:
        status: the HTTP status.
        code: the JSON-RPC error code.
    """

    def __init__(self, status: int, message: str, code: int = INVALID_REQUEST) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def answer(self, scope: Scope) -> JSONResponse:
        """The refusal as an ASGI app: a JSON-RPC error without an id, which MCP clients show."""
        body = error_results.envelope(InvalidInput(str(self)), scope.get("request_id", ""))
        body["error"]["code"] = self.code
        return JSONResponse({"jsonrpc": "2.0", "id": None, **body}, self.status)
