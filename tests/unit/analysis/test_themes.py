from reddit_mcp.analysis.sentiment import Scored
from reddit_mcp.analysis.sentiment_model import Probabilities
from reddit_mcp.analysis.themes import Theme, key_themes


def said(*pairs: tuple[str, float]) -> list[Scored]:
    return [Scored(id=str(number), text=text, probabilities=of(score)) for number, (text, score) in enumerate(pairs)]


def of(score: float) -> Probabilities:
    return Probabilities(max(score, 0.0), 1 - abs(score), max(-score, 0.0))


def test_one_authors_words_are_no_theme() -> None:
    texts = [item.model_copy(update={"author": "one"}) for item in said(("kestrel", 0.0), ("kestrel", 0.0))]
    assert key_themes(texts) == []


def test_a_theme_has_the_mean_mood_of_the_texts_that_hold_it() -> None:
    texts = said(
        ("battery life is great", 0.6), ("poor battery life", -0.4), ("screen glare", -0.5), ("the screen", 0.1)
    )
    assert key_themes(texts) == [
        Theme(theme="battery life", mentions=2, score=0.1),
        Theme(theme="screen", mentions=2, score=-0.2),
    ]


def test_more_mentions_come_first_and_ties_are_alphabetical() -> None:
    texts = said(*[(text, 0.0) for text in ("zebra. apple", "apple. zebra", "zebra", "mango", "mango")])
    assert [(theme.theme, theme.mentions) for theme in key_themes(texts)] == [("zebra", 3), ("apple", 2), ("mango", 2)]


def test_one_text_makes_no_theme_however_often_it_repeats() -> None:
    assert key_themes(said(("spam " * 100, 1.0), ("ham", 0.0))) == []


def test_many_texts_ask_for_three_mentions() -> None:
    pair = [("kestrel", 0.0)] * 2
    assert [theme.theme for theme in key_themes(said(*pair, *[("", 0.0)] * 47))] == ["kestrel"]
    assert key_themes(said(*pair, *[("", 0.0)] * 48)) == []


def test_ten_at_most() -> None:
    text = ". ".join(f"topic{letter}" for letter in "abcdefghijklmnop")
    assert len(key_themes(said((text, 0.0), (text, 0.0)))) == 10
    assert len(key_themes(said((text, 0.0), (text, 0.0)), limit=4)) == 4


def test_no_texts_no_themes() -> None:
    assert key_themes([]) == []
