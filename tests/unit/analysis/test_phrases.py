import pytest

from reddit_mcp.analysis.phrases import distinct, mentions, phrases, wording


def spoken(text: str) -> list[str]:
    return [wording(phrase) for phrase in phrases(text)]


def test_phrases_have_one_to_three_words_in_reading_order() -> None:
    assert spoken("quantum battery breakthrough") == [
        "quantum",
        "quantum battery",
        "quantum battery breakthrough",
        "battery",
        "battery breakthrough",
        "breakthrough",
    ]


def test_stop_words_stand_only_inside() -> None:
    assert spoken("the lord of the rings") == ["lord", "rings"]
    assert spoken("bank of England") == ["bank", "bank of england", "england"]


def test_no_phrase_crosses_punctuation() -> None:
    assert "python rust" not in spoken("Python, Rust")
    assert "python rust" in spoken("Python Rust")


def test_a_repeated_phrase_counts_once() -> None:
    assert spoken("spam. spam. Spam!") == ["spam"]


def test_possessives_join_their_word() -> None:
    assert spoken("OpenAI's") == ["openai"]


@pytest.mark.parametrize("text", ["2024", "3.14 100", "x", "good", "the", "に"])
def test_numbers_letters_and_vague_words_are_no_topic_alone(text: str) -> None:
    assert spoken(text) == []


def test_vague_words_and_numbers_help_to_form_one() -> None:
    assert spoken("New York") == ["new york", "york"]
    assert "euro 2024" in spoken("Euro 2024")


def test_scripts_without_spaces_are_joined_again() -> None:
    assert "東京大学" in spoken("東京大学")
    assert "日本のロボット" in spoken("日本のロボット")
    assert spoken("猫") == ["猫"]
    assert "나라 라디오" in spoken("나라 라디오")


def test_an_endless_text_is_read_to_a_bound() -> None:
    text = " ".join(f"word{number}a" for number in range(20_000))
    assert len(phrases(text)) < 2_000


def test_each_text_votes_once() -> None:
    assert mentions(["rust rust", "python", "rust"])[("rust",)] == [0, 2]


def test_a_part_is_absorbed_by_the_whole_with_the_same_texts() -> None:
    found = mentions(["machine learning", "machine learning", "learning"])
    assert distinct(found) == [("machine", "learning"), ("learning",)]


def test_a_repeated_headline_is_one_topic() -> None:
    headline = "Quantum battery breakthrough doubles electric vehicle range overnight"
    assert len(distinct(mentions([headline] * 3))) == 1


def test_topics_without_a_common_word_stay_apart() -> None:
    found = mentions(["battery life. screen", "screen. battery life"])
    assert distinct(found) == [("battery", "life"), ("screen",)]
