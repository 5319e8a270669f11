"""The description of the server's routes (.actor/openapi.json), held against the server."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import ValidationError
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError
from starlette.routing import Route

from reddit_mcp import __version__
from reddit_mcp.app import build
from reddit_mcp.settings import Settings
from tests.support.asgi_requests import JSON

Json = dict[str, Any]

DESCRIBED: Json = json.loads((Path(__file__).parents[2] / ".actor" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [(method, path) for path, item in DESCRIBED["paths"].items() for method in item]
ROUTES = [route for route in build(Settings(_env_file=None)).routes if isinstance(route, Route)]
MESSAGES = DESCRIBED["paths"]["/mcp"]["post"]["requestBody"]["content"]["application/json"]["examples"]


def fits(content: Json, method: str, path: str, status: int) -> None:
    """Raises when an answer is not what is described."""
    responses = DESCRIBED["paths"][path][method]["responses"]
    response = responses[str(status)]
    if "$ref" in response:
        response = DESCRIBED["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = next(iter(response["content"].values()))["schema"]
    OAS30Validator({**schema, "components": DESCRIBED["components"]}).validate(content)


def test_it_is_openapi_of_this_version() -> None:
    validate(DESCRIBED)
    assert DESCRIBED["info"]["version"] == ".".join(__version__.split(".")[:2])


def test_a_description_without_answers_is_found() -> None:
    with pytest.raises(OpenAPIValidationError):
        validate({**DESCRIBED, "paths": {"/mcp": {"post": {"summary": "No answers"}}}})


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_exists(method: str, path: str) -> None:
    (route,) = (route for route in ROUTES if route.path == path)
    assert route.methods is None or method.upper() in route.methods


@pytest.mark.parametrize("path", [path for method, path in OPERATIONS if method == "get"])
def test_a_page_answers_as_described(path: str, base_url: str) -> None:
    answer = httpx.get(base_url + path.format(request_id="unknown"))
    fits(answer.json(), "get", path, answer.status_code)
    assert answer.status_code == (404 if "{" in path else 200)


def test_a_page_of_another_shape_is_found() -> None:
    with pytest.raises(ValidationError):
        fits({"alive": "yes"}, "get", "/health/live", 200)


def test_usage_after_a_call_is_as_described(base_url: str) -> None:
    httpx.post(f"{base_url}/mcp", json=MESSAGES["search"]["value"], headers=JSON).raise_for_status()
    answer = httpx.get(f"{base_url}/usage")
    fits(answer.json(), "get", "/usage", answer.status_code)


@pytest.mark.parametrize("example", MESSAGES)
def test_an_example_is_answered(example: str, base_url: str) -> None:
    message = MESSAGES[example]["value"]
    answer = httpx.post(f"{base_url}/mcp", json=message, headers=JSON)
    fits(answer.json(), "post", "/mcp", answer.status_code)
    assert (answer.status_code, answer.json()["id"]) == (200, message["id"])
    assert not answer.json()["result"].get("isError")


def test_a_notification_is_taken(base_url: str) -> None:
    notice = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = httpx.post(f"{base_url}/mcp", json=notice, headers=JSON)
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b" " * 1_100_000, 413)], ids=["no-json", "too-large"])
def test_a_refusal_is_as_described(body: bytes, status: int, base_url: str) -> None:
    answer = httpx.post(f"{base_url}/mcp", content=body, headers=JSON)
    assert answer.status_code == status
    fits(answer.json(), "post", "/mcp", status)
