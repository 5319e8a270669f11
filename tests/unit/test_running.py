"""The servers that tests start know nothing of the developer's shell."""

from pathlib import Path

import pytest

from reddit_mcp.settings import ApifyRun, Settings
from tests.support.server_process import environment

OTHERS = ["ACTOR_RUN_ID", "APIFY_TOKEN", "CRAWLEE_LOG_LEVEL", "MCP_LOG_LEVEL", "praw_client_id"]


@pytest.mark.parametrize("name", [*Settings.variables(), *OTHERS])
def test_no_setting_is_inherited(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("UNKNOWN_TO_US", "kept")
    assert "planted" not in environment(tmp_path).values()
    assert environment(tmp_path)["UNKNOWN_TO_US"] == "kept"


def test_settings_of_one_s_own_are_passed_on(tmp_path: Path) -> None:
    own = environment(tmp_path, APIFY_TOKEN="mine")
    assert (own["APIFY_TOKEN"], own["DATA_DIR"]) == ("mine", str(tmp_path))


def test_the_tests_themselves_see_no_platform() -> None:
    assert not ApifyRun().is_at_home
