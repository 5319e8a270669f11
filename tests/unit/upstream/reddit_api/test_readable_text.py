"""Reddit's Markdown as a model reads it."""

import pytest

from reddit_mcp.upstream.reddit_api.parsing import comment, post
from reddit_mcp.upstream.reddit_api.text.readable_text import readable
from tests.support.reddit_shapes import t1, t3

PREVIEW = "https://preview.redd.it/a1.png?width=640&format=png&auto=webp&s=0f"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("plain words, 5 > 3 & so on", "plain words, 5 > 3 & so on"),
        ("He is >!the butler!< and >!dead!<.", "He is [spoiler: the butler] and [spoiler: dead]."),
        (">!never closed", ">!never closed"),
        ("> a quote\n\n>!a secret!<", "> a quote\n\n[spoiler: a secret]"),
        (r"snake\_case 1\. \#tag \*not bold\*", "snake_case 1. #tag *not bold*"),
        (r"¯\\\_(ツ)\_/¯", r"¯\_(ツ)_/¯"),
        (r"C:\Users\me", r"C:\Users\me"),
        ("one\n\n&#x200B;\n\ntwo", "one\n\ntwo"),
        ("one&nbsp;two &amp; three", "one two &amp; three"),
        (PREVIEW, f"[image: {PREVIEW}]"),
        (f"see\n\n{PREVIEW}\n\nhere", f"see\n\n[image: {PREVIEW}]\n\nhere"),
        (f"[my garden]({PREVIEW})", f"[my garden]({PREVIEW})"),
        ("|a|b|\n|:-|:-:|\n|1|2|\n|3||\n\nend", "a | b\n1 | 2\n3 | \n\nend"),
        ("a|b\n--|--\n1|2", "a | b\n1 | 2"),
        ("|a|\n|-|\n|x \\| y|", "a\nx | y"),
        ("either | or", "either | or"),
        ("this\n|---|---|\nfollows no table", "this\n|---|---|\nfollows no table"),
    ],
)
def test_prose(typed: str, read: str) -> None:
    assert readable(typed) == read


@pytest.mark.parametrize(
    "typed", [r"`a\_b`", "``x\\_``", "```\n>!x!<\n|a|b|\n|-|-|\n```", "    a\\_b &#x200B;", "words\n\n\ta\\*b"]
)
def test_code_stays_as_typed(typed: str) -> None:
    assert readable(typed) == typed
    assert readable(f"{typed}\n\nb\\_c") == f"{typed}\n\nb_c"


@pytest.mark.parametrize("unit", [">!", "|", "`", "``", "```", "\\", "&", "|-|\n", ">!a!", "https://preview.redd.it/"])
def test_nothing_but_marks_is_read_too(unit: str) -> None:
    assert isinstance(readable(unit * 20_000), str)


def test_what_posts_and_comments_say() -> None:
    assert post(t3(selftext=r"a\_b")["data"]).selftext == "a_b"
    assert comment(t1(body=">!x!<")["data"]).body == "[spoiler: x]"
    media = {"m1": {"status": "valid", "s": {"u": "https://preview.redd.it/m1.png?s=1"}}}
    shown = comment(t1(body='![img](m1 "my cat")', media_metadata=media)["data"])
    assert shown.body == "my cat https://preview.redd.it/m1.png?s=1"
    assert comment(t1(body="![gif](giphy|abc|downsized)")["data"]).body == "https://giphy.com/gifs/abc"
