"""Which source answers: by the settings and by what there is."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from reddit_mcp.data_source.source_choice import choose
from reddit_mcp.settings import Settings

KEY = {"reddit_client_id": "id", "reddit_client_secret": SecretStr("secret")}


def settings(folder: Path, **given: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **given)


@pytest.mark.parametrize(
    ("given", "imported", "name", "or_sample"),
    [
        (KEY, False, "reddit", False),
        (KEY, True, "reddit", False),
        ({}, True, "archive", False),
        ({}, False, "arctic_shift", True),
        ({"archive_db": Path("missing.sqlite")}, False, "archive", False),
        ({**KEY, "data_source": "archive"}, False, "archive", False),
        ({**KEY, "data_source": "sample"}, True, "sample", False),
        ({"data_source": "arctic_shift"}, True, "arctic_shift", False),
    ],
)
def test_the_best_of_what_there_is(
    tmp_path: Path, given: dict[str, Any], imported: bool, name: str, or_sample: bool
) -> None:
    if imported:
        (tmp_path / "archive.sqlite").touch()
    choice = choose(settings(tmp_path, **given))
    assert (choice.name, choice.or_sample) == (name, or_sample)
    assert choice.why
