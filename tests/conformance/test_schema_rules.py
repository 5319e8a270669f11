"""Rules over all tools at once, on what a client really receives, and one snapshot of it per tool.

The rules are what the pickiest clients and model providers accept. `UPDATE_SNAPSHOTS=1` rewrites the snapshots, so that
every change that a model sees shows in a review.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from mcp import Client
from mcp.client.client import ConnectMode

from reddit_mcp.tools import specs
from tests.support.tool_calls import TOOLS

Json = dict[str, Any]

SNAPSHOTS = Path(__file__).parent / "snapshots"
LONGEST_LIST = 16_384  # characters: every client pays for the list in each conversation
UNREADABLE = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "exclusiveMinimum", "exclusiveMaximum", "title"}
BOUNDS = {
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "array": {"maxItems", "items"},
    "boolean": set[str](),
    "object": {"properties"},
}


async def _listed(url: str, mode: ConnectMode) -> Json:
    async with Client(f"{url}/mcp", mode=mode) as client:
        listed = await client.list_tools()
    return listed.model_dump(mode="json", by_alias=True, exclude_none=True)


@pytest.fixture(scope="module")
def listed(base_url: str) -> Json:
    return asyncio.run(_listed(base_url, "auto"))


@pytest.fixture(scope="module")
def tools(listed: Json) -> dict[str, Json]:
    return {tool["name"]: tool for tool in listed["tools"]}


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest, tools: dict[str, Json]) -> Json:
    return tools[request.param]


def nodes(schema: Json) -> Iterator[Json]:
    """The schema and every schema inside it."""
    yield schema
    for inner in (*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])):
        yield from nodes(inner)


def test_exactly_these_tools_are_listed(tools: dict[str, Json]) -> None:
    assert sorted(tools) == TOOLS
    assert sorted(spec.name for spec in specs()) == TOOLS


def test_both_protocol_eras_list_the_same(base_url: str, listed: Json) -> None:
    assert asyncio.run(_listed(base_url, "legacy"))["tools"] == listed["tools"]


def test_the_list_stays_small(listed: Json) -> None:
    assert len(json.dumps(listed, ensure_ascii=False, separators=(",", ":"))) <= LONGEST_LIST


def test_the_name_fits_every_client(tool: Json) -> None:
    assert re.fullmatch(r"[a-z][a-z_]{2,29}", tool["name"])
    assert tool["title"]
    assert tool["description"]


def test_schemas_are_valid(tool: Json) -> None:
    Draft202012Validator.check_schema(tool["inputSchema"])
    Draft202012Validator.check_schema(tool["outputSchema"])


def test_input_keeps_to_the_readable_subset(tool: Json) -> None:
    for node in nodes(tool["inputSchema"]):
        assert not UNREADABLE & set(node), node
        assert isinstance(node["type"], str), node


def test_input_refuses_unknown_arguments(tool: Json) -> None:
    for node in nodes(tool["inputSchema"]):
        assert node["type"] != "object" or node["additionalProperties"] is False


def test_every_input_is_bounded(tool: Json) -> None:
    for node in nodes(tool["inputSchema"]):
        if node["type"] == "string":
            assert "enum" in node or "maxLength" in node, node
        else:
            assert BOUNDS[node["type"]] <= set(node), node


def test_every_argument_is_described_and_has_a_default_or_is_required(tool: Json) -> None:
    schema = tool["inputSchema"]
    for name, argument in schema["properties"].items():
        assert len(argument["description"]) > 5, name
        assert ("default" in argument) != (name in schema.get("required", [])), name
        if "default" in argument:
            Draft202012Validator(argument).validate(argument["default"])


def test_output_admits_an_error_and_nothing_else_beside_the_result(tool: Json) -> None:
    output = Draft202012Validator(tool["outputSchema"])
    error = {"code": -32003, "type": "not_found", "message": "There is no such post.", "data": {"trace_id": "1"}}
    output.validate({"error": error})
    for wrong in ({}, {"metadata": 1}, {"error": "There is no such post."}, {"error": {**error, "code": "404"}}):
        with pytest.raises(ValidationError):
            output.validate(wrong)


def test_output_describes_the_whole_result(tool: Json) -> None:
    result = tool["outputSchema"]["anyOf"][0]["required"]
    assert "metadata" in result
    assert set(result) <= set(tool["outputSchema"]["properties"])


def test_annotations_say_what_a_call_may_do(tool: Json) -> None:
    writes = tool["name"] == "watch_keywords"
    assert tool["annotations"] == {
        "title": tool["title"],
        "readOnlyHint": not writes,
        "destructiveHint": writes,
        "idempotentHint": not writes,
        "openWorldHint": True,
    }


def test_the_wire_is_the_reviewed_one(tool: Json) -> None:
    snapshot = SNAPSHOTS / f"{tool['name']}.json"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        snapshot.write_text(json.dumps(tool, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert snapshot.exists(), f"{snapshot.name} is missing: run with UPDATE_SNAPSHOTS=1 and review it"
    assert tool == json.loads(snapshot.read_text(encoding="utf-8"))


def test_no_snapshot_is_left_over() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} <= set(TOOLS)
