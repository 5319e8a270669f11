"""Key-value stores and datasets, as far as the SDK uses them."""

import gzip
import importlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.fake_platform.faults import problem

MOMENT = "2026-01-01T00:00:00.000Z"


class Storages:
    """Everything stored, by the id of the store; a named one has its name for an id.

    Attributes:
        items: the datasets' items.
        records: the key-value stores' records, as parsed JSON or bytes.
    """

    def __init__(self) -> None:
        self.items: dict[str, list[Any]] = {}
        self.records: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """Under /v2."""
        dataset, store = "/v2/datasets/{id}", "/v2/key-value-stores/{id}"
        return [
            Route("/v2/datasets", self._open, methods=["POST"]),
            Route(dataset, self._about, methods=["GET"]),
            Route(f"{dataset}/items", self._push, methods=["POST"]),
            Route(f"{dataset}/items", self._list, methods=["GET"]),
            Route("/v2/key-value-stores", self._open, methods=["POST"]),
            Route(store, self._about, methods=["GET"]),
            Route(f"{store}/keys", self._keys, methods=["GET"]),
            Route(f"{store}/records/{{key}}", self._get, methods=["GET", "HEAD"]),
            Route(f"{store}/records/{{key}}", self._put, methods=["PUT"]),
            Route(f"{store}/records/{{key}}", self._delete, methods=["DELETE"]),
        ]

    async def _open(self, request: Request) -> Response:
        return _data(_described(request.query_params.get("name", "unnamed")), 201)

    async def _about(self, request: Request) -> Response:
        return _data(_described(request.path_params["id"]))

    async def _push(self, request: Request) -> Response:
        found = json.loads(await content(request))
        items = found if isinstance(found, list) else [found]
        self.items.setdefault(request.path_params["id"], []).extend(items)
        return JSONResponse({}, 201)

    async def _list(self, request: Request) -> Response:
        return JSONResponse(self.items.get(request.path_params["id"], []))

    async def _keys(self, request: Request) -> Response:
        names = self.records.get(request.path_params["id"], {})
        items = [{"key": name, "size": 1, "recordPublicUrl": "http://127.0.0.1/"} for name in names]
        return _data({"items": items, "count": len(items), "limit": 1000, "isTruncated": False})

    async def _get(self, request: Request) -> Response:
        records = self.records.get(request.path_params["id"], {})
        if request.path_params["key"] not in records:
            return problem(404, "record-not-found")
        return JSONResponse(records[request.path_params["key"]])

    async def _put(self, request: Request) -> Response:
        body = await content(request)
        value = json.loads(body) if "json" in request.headers.get("content-type", "") else body.decode()
        self.records.setdefault(request.path_params["id"], {})[request.path_params["key"]] = value
        return JSONResponse({}, 201)

    async def _delete(self, request: Request) -> Response:
        self.records.get(request.path_params["id"], {}).pop(request.path_params["key"], None)
        return Response(status_code=204)


async def content(request: Request) -> bytes:
    """The body; the client compresses one of more than a kilobyte."""
    body = await request.body()
    encoding = request.headers.get("content-encoding", "identity")
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "br":
        return bytes(importlib.import_module("brotli").decompress(body))
    return body


def _data(data: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse({"data": data}, status)


def _described(name: str) -> dict[str, Any]:
    moments = dict.fromkeys(("createdAt", "modifiedAt", "accessedAt"), MOMENT)
    address = {"consoleUrl": "http://127.0.0.1/", "itemsPublicUrl": "http://127.0.0.1/"}
    counts = {"itemCount": 0, "cleanItemCount": 0, "stats": {}, "keysPublicUrl": "http://127.0.0.1/"}
    return {"id": name, "name": name, "userId": "user-1", **moments, **address, **counts}
