"""The Actor's files: valid by Apify's own schemas and tools, and in the words of the code that they describe."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from apify_client._models import ActorChargeEvent
from jsonschema import Draft7Validator, Draft201909Validator, ValidationError
from pydantic import SecretStr
from referencing import Registry
from referencing.jsonschema import DRAFT201909

from reddit_mcp import __version__
from reddit_mcp.actor.charge_events import EVENTS
from reddit_mcp.actor.dataset_rows import of_check, of_match, of_post
from reddit_mcp.actor.single_run import MOST_POSTS, SEARCH
from reddit_mcp.models import Match
from reddit_mcp.settings import Settings
from reddit_mcp.tools import Services, specs
from tests.conformance.foreign import Foreign, output

pytestmark = pytest.mark.timeout(900)  # downloads

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
ACTOR = ROOT / ".actor"
KINDS = {
    "actor": "actor.json",
    "input": "input_schema.json",
    "output": "output_schema.json",
    "dataset": "dataset_schema.json",
}
MINOR = ".".join(__version__.split(".")[:2])


def read(name: str) -> Json:
    content: Json = json.loads((ACTOR / name).read_text(encoding="utf-8"))
    return content


def published(foreign: Foreign) -> dict[str, Json]:
    """The JSON schemas that Apify publishes, by their file's name."""
    folder = foreign.module("@apify/json_schemas/schemas")
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}


@pytest.fixture(scope="session")
def check(foreign: Foreign) -> Callable[[str, Json], None]:
    """Raises when a file of a kind is not what Apify's schema asks for."""
    schemas = published(foreign)
    resources = [(schema["$id"], DRAFT201909.create_resource(schema)) for schema in schemas.values()]
    registry: Registry[Any] = Registry().with_resources(resources)

    def checked(kind: str, content: Json) -> None:
        Draft201909Validator(schemas[f"{kind}.schema.json"], registry=registry).validate(content)

    return checked


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_what_the_platform_reads(kind: str, check: Callable[[str, Json], None]) -> None:
    check(kind, read(KINDS[kind]))


BROKEN: dict[str, tuple[str, Callable[[Json], object]]] = {
    "a version in words": ("actor", lambda file: file.update(version="one")),
    "too little memory": ("actor", lambda file: file.update(minMemoryMbytes=64)),
    "an unknown storage": ("actor", lambda file: file["storages"].update(queue={})),
    "an inline dataset without views": ("actor", lambda file: file["storages"].update(dataset={})),
    "an argument without a title": ("input", lambda file: file["properties"]["query"].pop("title")),
    "a bound in words": ("input", lambda file: file["properties"]["limit"].update(maximum="100")),
    "an output without a template": ("output", lambda file: file["properties"]["results"].pop("template")),
    "a view without a component": ("dataset", lambda file: file["views"]["posts"]["display"].pop("component")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_found(name: str, check: Callable[[str, Json], None]) -> None:
    kind, damage = BROKEN[name]
    content = read(KINDS[kind])
    damage(content)
    with pytest.raises(ValidationError):
        check(kind, content)


def apify_cli(foreign: Foreign, folder: Path, home: Path) -> int:
    """Apify's own command, offline; the exit code."""
    program = foreign.module("apify-cli/dist/apify.js")
    environment = {"HOME": str(home), "APIFY_CLI_DISABLE_TELEMETRY": "1"}
    done = output(foreign.node, program, "validate-schema", environment=environment, cwd=folder)
    return done.returncode


def test_the_command_line_of_apify_accepts_the_files(foreign: Foreign, tmp_path: Path) -> None:
    assert apify_cli(foreign, ROOT, tmp_path) == 0


@pytest.mark.parametrize("kind", ["input", "output", "dataset"])
def test_the_command_line_of_apify_reads_each_file(kind: str, foreign: Foreign, tmp_path: Path) -> None:
    shutil.copytree(ACTOR, tmp_path / ".actor")
    (tmp_path / ".actor" / KINDS[kind]).write_text(json.dumps({"title": "Nothing else"}))
    assert apify_cli(foreign, tmp_path, tmp_path) != 0


def test_the_actor_is_named_and_versioned_as_the_package() -> None:
    actor = read("actor.json")
    assert (actor["name"], actor["title"]) == ("reddit-mcp-server", "Reddit MCP Server")
    assert actor["version"] == MINOR  # the platform counts builds behind it
    assert (actor["usesStandbyMode"], actor["webServerMcpPath"]) == (True, "/mcp")


def test_every_file_that_the_actor_names_exists() -> None:
    actor = read("actor.json")
    keys = ("dockerfile", "dockerContextDir", "readme", "changelog", "input", "output", "webServerSchema")
    named = [actor[key] for key in keys] + [actor["storages"]["dataset"]]
    assert [name for name in named if not (ACTOR / name).exists()] == []
    assert (ACTOR / actor["dockerContextDir"]).resolve() == ROOT


def test_memory_is_a_power_of_two_in_order() -> None:
    actor = read("actor.json")
    least, usual, most = (actor[f"{name}MemoryMbytes"] for name in ("min", "default", "max"))
    assert least <= usual <= most
    assert [size for size in (least, usual, most) if size.bit_count() != 1] == []


def test_the_environment_names_settings_and_holds_no_secret() -> None:
    given = read("actor.json")["environmentVariables"]
    fields = Settings.variables()
    assert sorted(set(given) - set(fields)) == []
    plain = {name for name, value in given.items() if not re.fullmatch(r"@[a-zA-Z]+", value)}
    assert [name for name in plain if SecretStr in getattr(fields[name].annotation, "__args__", ())] == []
    assert {name: given[name] for name in plain} == {"APIFY_TENANCY": "single", "MCP_ALLOWED_HOSTS": "*.apify.actor"}


def test_the_input_is_that_of_the_tool() -> None:
    found = read("input_schema.json")["properties"]
    (search,) = (spec for spec in specs() if spec.name == "search_reddit")
    tool = search.bind(cast("Services", None)).parameters["properties"]  # only calls need services
    assert set(found) == {"job", *SEARCH}
    for name in SEARCH:
        for rule in ("type", "enum", "minLength", "maxLength", "minimum", "maximum", "default"):
            all_pages = MOST_POSTS if (name, rule) == ("limit", "maximum") else tool[name].get(rule)
            assert found[name].get(rule) == all_pages, (name, rule)


def test_the_input_fills_itself_in() -> None:
    job = read("input_schema.json")["properties"]["job"]
    assert job["enum"] == ["self-check", "search", "watch-tick"]
    assert job["default"] == job["prefill"] == "self-check"
    assert read("input_schema.json")["required"] == []


def test_nothing_of_a_person_is_described_in_the_dataset() -> None:
    fields = read("dataset_schema.json")["fields"]["properties"]
    assert not {"author", "title", "text", "selftext", "body", "username"} & set(fields)
    for view in read("dataset_schema.json")["views"].values():
        assert set(view["transformation"]["fields"]) <= set(fields)
        assert set(view["display"]["properties"]) <= set(view["transformation"]["fields"])


def test_the_dataset_describes_the_rows_that_are_written() -> None:
    fields = read("dataset_schema.json")["fields"]
    post = {"id": "1abc2d", "subreddit": "python", "score": -1, "num_comments": 0, "created_utc": 1}
    match = Match(match_id="m", watch_id="w", keyword="lua", why="", post=post, sentiment=0.5, matched_utc=2)
    rows = [of_post("search", post), of_post("search", {}), of_match(match), of_check("a", ok=True, message="b")]
    for row in rows:
        Draft7Validator(fields).validate(dict(row))
    assert {name for row in rows for name in row} == set(fields["properties"])
    assert not Draft7Validator(fields).is_valid({**rows[0], "score": "many"})


def test_the_prices_are_those_of_the_events_that_are_charged() -> None:
    prices = read("pay_per_event.json")
    assert sorted(prices) == sorted(EVENTS)
    assert [name for name, event in prices.items() if event.get("isPrimaryEvent")] == ["tool-call"]
    for event in prices.values():
        shown = ActorChargeEvent.model_validate(event)
        assert shown.event_title
        assert shown.event_description
        assert shown.event_price_usd is not None
        assert 0.001 <= shown.event_price_usd <= 0.005
