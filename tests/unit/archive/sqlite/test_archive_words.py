"""Words of every script, for the index and for queries alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.archive.sqlite.index_words import phrase, runs, sequence, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("snake_case C++", ["snake", "case", "c"]),
        ("Crème BRÛLÉE", ["creme", "brulee"]),
        ("Straße", ["strasse"]),
        ("Привет, Ёлка", ["привет", "елка"]),
        ("مُدَرِّس", ["مدرس"]),
        ("हिन्दी शब्द", ["हिन्दी", "शब्द"]),
        ("東京都", ["東京", "京都", "都"]),
        ("Pythonの本", ["python", "の本", "本"]),
        ("고양이가", ["고양", "양이", "이가", "가"]),
        ("ＦＵＬＬ width", ["full", "width"]),
        ("fire 🔥🔥", ["fire", "🔥", "🔥"]),
        ("👩‍🚀 ❤️", ["👩", "🚀", "❤"]),
        ("\ue001admin", ["admin"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "asked", "found"),
    [
        ("the house cat sleeps", "house cat", True),
        ("the house. Cat!", "house cat", True),
        ("the house has a cat", "house cat", False),
        ("housecat", "house", False),
        ("今日は東京都庁へ", "東京都", True),
        ("東京。都", "東京都", False),
        ("Python入門書", "python入門", True),
        ("CPython入門書", "python入門", False),
    ],
)
def test_a_phrase_stands_in_its_text(text: str, asked: str, found: bool) -> None:
    assert (phrase(runs(asked)) in sequence(runs(text))) is found


@given(st.text())
def test_words_are_safe_to_index(text: str) -> None:
    for word in words(text):
        assert word
        assert not any(
            character.isspace() or character in '"\0' or "\ue000" <= character <= "\uf8ff" for character in word
        )
