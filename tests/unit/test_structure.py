"""The shape of the code: small files, folders of one concern, names that stand once."""

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "reddit_mcp"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
LONGEST_FILE, MOST_MODULES = 300, 14
PICTURES = {"face", "front", "door", "answers", "line", "carriage", "ground", "opening", "house", "home"}
"""Names that explain nothing to a newcomer."""


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 150


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=lambda path: path.name)
def test_a_folder_is_taken_in_at_a_glance(folder: Path) -> None:
    assert len([path for path in MODULES if path.parent == folder]) <= MOST_MODULES
    assert (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""')


def test_no_file_is_long() -> None:
    lengths = {path.relative_to(ROOT): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_name_stands_for_two_things() -> None:
    names = Counter(path.stem for path in MODULES if path.stem != "__main__")
    assert [name for name, times in names.items() if times > 1] == []
    assert set(names) & PICTURES == set()


def test_every_module_says_what_it_is() -> None:
    assert [path for path in MODULES if not path.read_text(encoding="utf-8").startswith('"""')] == []
