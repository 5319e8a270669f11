"""The Store page and the pages of operators say what the code and the Actor's files say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reddit_mcp.cli.parser import main
from reddit_mcp.http.middleware.idle_streams import IDLE_SECONDS
from reddit_mcp.metering.concurrency_limit import CALLS_PER_CALLER
from reddit_mcp.settings import Settings
from reddit_mcp.tools import specs
from tests.conformance.foreign import Foreign

pytestmark = pytest.mark.timeout(900)  # downloads

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / ".actor" / "README.md").read_text(encoding="utf-8")
STORE = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PRICES: dict[str, Json] = json.loads((ROOT / ".actor" / "pay_per_event.json").read_text(encoding="utf-8"))
ACTOR: Json = json.loads((ROOT / ".actor" / "actor.json").read_text(encoding="utf-8"))
INPUT: Json = json.loads((ROOT / ".actor" / "input_schema.json").read_text(encoding="utf-8"))


def row(page: str, name: str) -> list[str]:
    """The cells behind the first one of a table's row."""
    (found,) = re.findall(rf"^\| `?{re.escape(name)}`? \|(.*)\|$", page, re.MULTILINE)
    return [cell.strip() for cell in found.split("|")]


def test_the_tools_are_shown_with_their_own_words() -> None:
    for spec in specs():
        purpose = " ".join((spec.handler.__doc__ or "").strip().split("\n\n")[0].split())
        assert row(PAGE, spec.name) == [purpose]
    assert len(re.findall(r"^\| `[a-z]+_[a-z_]+` \|", PAGE, re.MULTILINE)) == len(specs())


@pytest.mark.parametrize("page", [PAGE, STORE], ids=["store-page", "operators-page"])
def test_prices_are_those_of_the_file(page: str) -> None:
    for name, event in PRICES.items():
        assert row(page, name)[0] == f"${event['eventPriceUsd']:.3f}"


def test_the_example_of_a_bill_is_right() -> None:
    (thousand,) = re.findall(r"1,000 answered calls cost \$([0-9]+(?:\.[0-9]+)?)", PAGE)
    assert float(thousand) == 1000 * PRICES["tool-call"]["eventPriceUsd"]


def test_the_platform_s_own_events_are_not_ours_to_price() -> None:
    assert not [name for name in PRICES if name.startswith("apify-")]
    assert row(STORE, "apify-default-dataset-item")[0] == "**remove it**"


def test_the_page_has_the_form_that_the_store_wants() -> None:
    headings = re.findall(r"^(#+) ", PAGE, re.MULTILINE)
    assert set(headings) == {"##", "###"}  # the title is the Store's
    assert len(PAGE.split()) > 300
    assert [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if not link.startswith("https://")] == []


def test_the_jobs_and_the_example_are_those_of_the_input() -> None:
    jobs = INPUT["properties"]["job"]["enum"]
    assert [name for name in jobs if not row(PAGE, name)] == []
    (example,) = (
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if '"query"' in block
    )
    assert set(example) == set(INPUT["properties"])
    properties = {
        name: {rule: value for rule, value in field.items() if rule not in ("example", "prefill")}
        for name, field in INPUT["properties"].items()
    }
    Draft202012Validator({"type": "object", "properties": properties}).validate(example)


def test_the_display_texts_fit_the_store(foreign: Foreign) -> None:
    assert (row(STORE, "name"), row(STORE, "title")) == ([ACTOR["name"]], [ACTOR["title"]])
    assert 40 <= len(row(STORE, "SEO title")[0]) <= 60
    assert 120 <= len(row(STORE, "SEO description")[0]) <= 160
    assert len(ACTOR["description"]) <= 300
    known = foreign.module("@apify/consts/consts.d.ts").read_text(encoding="utf-8")
    for category in row(STORE, "categories")[0].split(", "):
        assert f"readonly {category}: " in known


def test_the_server_numbers_follow_from_the_code() -> None:
    memory = row(STORE, "memory")
    assert memory[0] == f"{ACTOR['defaultMemoryMbytes']} MB"
    assert f"from {ACTOR['minMemoryMbytes']} MB to {ACTOR['maxMemoryMbytes']} MB" in STORE
    single, multi, _ = row(STORE, "max requests per run")
    assert int(single) == CALLS_PER_CALLER
    assert int(multi) < Settings.variables()["MAX_IN_FLIGHT"].default
    assert [int(cell) for cell in row(STORE, "desired requests per run")[:2]] < [int(single), int(multi)]
    assert row(STORE, "idle timeout")[:2] == [f"{IDLE_SECONDS:g} s"] * 2


def test_the_secrets_are_those_of_the_actor() -> None:
    named = {value[1:] for value in ACTOR["environmentVariables"].values() if value.startswith("@")}
    assert set(re.findall(r"^apify secrets add (\w+) ", STORE, re.MULTILINE)) == named


@pytest.mark.parametrize("words", sorted(set(re.findall(r"python -m reddit_mcp ([a-z]+(?: [a-z]+)?)", OPERATIONS))))
def test_the_commands_of_the_runbook_exist(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--help"])
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_the_settings_of_the_runbook_exist() -> None:
    named = set(re.findall(r"(?:`|^)([A-Z]+_[A-Z_]+)\b", OPERATIONS + STORE, re.MULTILINE))
    assert named - set(Settings.variables()) == {"REDIS_PASSWORD"}
