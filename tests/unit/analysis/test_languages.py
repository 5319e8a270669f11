"""Only English is scored; all else is counted."""

import pytest

from reddit_mcp.analysis.languages import english, verdict
from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.models import Comment

OTHER = [
    "Das ist wirklich eine schlechte Idee",
    "Ich liebe dieses Spiel",
    "C'est vraiment magnifique",
    "Je ne suis pas d'accord avec toi",
    "Me encanta esta comunidad",
    "No me gusta nada este juego",
    "Adoro questo gioco davvero",
    "Non sono d'accordo con te",
    "Eu adoro esse jogo demais",
    "Isso é uma vergonha total",
    "Ik vind dit echt heel mooi",
    "Dat klopt helemaal niet",
    "Jag tycker att det är jättebra",
    "Det där stämmer inte alls",
    "To jest naprawdę świetne",
    "Nie zgadzam się z tobą",
    "Это просто замечательно",
    "Мне это совсем не нравится",
    "这个真的很好",
    "我不喜欢这个",
    "これは本当に素晴らしい",
    "全然好きじゃない",
    "이건 정말 좋아요",
    "هذا رائع جدا",
    "לא אהבתי את זה בכלל",
    "यह बहुत अच्छा है",
    "Bu gerçekten çok güzel",
    "Hiç beğenmedim bunu",
    "Tôi rất thích cái này",
    "Αυτό είναι υπέροχο",
]
ENGLISH = [
    "lol",
    "bruh 😂😂",
    "gg ez noob",
    "this slaps fr fr no cap 🔥🔥",
    "idk tbh ngl",
    "`print(x)` crashes my app, use list.append instead",
    "y'all wildin lmao",
    "ok",
    "def f(x): return x",
    "great",
    "smh my head",
    "RIP",
    "tysm 🥺❤️",
    "W take",
    "WHY IS THIS SO BAD",
    "pip install pandas fails again, so annoying",
    "nah fam that ain't it",
    "omg yesss queen",
    "ty",
    "No.",
    "IMO Python > JavaScript",
    "based",
    "bro is cooking",
    "skill issue",
]


def test_thirty_texts_in_twenty_languages_are_skipped_and_counted() -> None:
    assert len(OTHER) == 30
    reading = SentimentAnalyzer().survey([Comment(id=str(n), body=text) for n, text in enumerate(OTHER)])
    assert (reading.scored, reading.skipped) == ([], 30)


def test_english_with_emoji_slang_and_code_is_scored() -> None:
    reading = SentimentAnalyzer().survey([Comment(id=str(n), body=text) for n, text in enumerate(ENGLISH)])
    assert (len(reading.scored), reading.skipped) == (len(ENGLISH), 0)


def test_what_is_too_short_to_tell_is_what_the_others_are() -> None:
    short = "RIP"
    assert verdict(short) == "unsure"
    assert english([short, "I like this one a lot"]) == [True, True]
    assert english([short, "Das ist wirklich schlecht"]) == [False, False]
    assert english([short]) == [True]


@pytest.mark.parametrize("text", ["", "\U0001f600\U0001f600", "12 34", "\ud800", "\x00"])
def test_texts_without_letters_are_unsure(text: str) -> None:
    assert verdict(text) == "unsure"
