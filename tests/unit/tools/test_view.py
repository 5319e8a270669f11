"""What a model gets to see: fields, cuts, and budgets."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reddit_mcp.models import Comment, Post
from reddit_mcp.tools.results import compact_view
from reddit_mcp.tools.results.comment_expansion import CommentForest

FULL_POST = (
    "id type title author subreddit created_utc score upvote_ratio num_comments url permalink selftext link_flair_text "
    "is_self is_video over_18 spoiler stickied"
)
FULL_COMMENT = "id type author body score created_utc depth parent_id is_submitter stickied distinguished replies"
METADATA = {
    "cached": False,
    "stale": False,
    "cache_age_seconds": 86_400,
    "ttl": 3600,
    "rate_limit_remaining": 100_000,
    "reddit_rate_limit_remaining": 995,
    "execution_time_ms": 10_000,
    "reddit_api_calls": 12,
    "source": "archive",
    "archive_from": 1_119_552_233,
    "archive_to": 1_780_499_467,
}
CHARACTERS = ["t", "ж", "漢", "😀", '"', "\\", "\n", "\x01", "👨‍👩‍👧", "word ", "e\u0301"]


def size(value: Any) -> int:
    return len(orjson.dumps(value).decode())


def post(number: int = 0, **fields: Any) -> Post:
    facts: dict[str, Any] = {
        "id": f"1abcd{number:02d}",
        "title": "Which kettle boils fastest?",
        "author": "tea_lover",
        "subreddit": "kettles",
        "created_utc": 1_700_000_000,
        "score": 42,
        "num_comments": 7,
        "url": f"https://www.reddit.com/r/kettles/comments/1abcd{number:02d}/which/",
        "permalink": f"https://www.reddit.com/r/kettles/comments/1abcd{number:02d}/which/",
        "selftext": "I timed three of them.",
        "is_self": True,
    }
    return Post(**{**facts, **fields})


def largest_post(number: int, char: str) -> Post:
    """Everything as long as Reddit lets it be, and longer."""
    return post(
        number,
        title=(char * 300)[:300],
        author="a" * 20,
        subreddit="s" * 21,
        score=-1_234_567,
        num_comments=123_456,
        url="https://kettle.example/" + "u" * 2000,
        permalink=f"https://www.reddit.com/r/{'s' * 21}/comments/1abcd{number:02d}/{'t' * 50}/",
        selftext=char * 40_000,
        link_flair_text=(char * 64)[:64],
        is_self=False,
        over_18=True,
        spoiler=True,
        stickied=True,
        is_video=True,
    )


def largest_comment(number: int, char: str) -> Comment:
    return Comment(
        id=f"k{number:06d}",
        author="a" * 20,
        body=char * 10_000,
        score=-12_345,
        depth=number,
        parent_id=f"t1_k{number - 1:06d}",
        is_submitter=True,
        stickied=True,
        distinguished="moderator",
    )


@pytest.mark.parametrize("char", CHARACTERS, ids=ascii)
def test_25_posts_stay_within_9000_characters(char: str) -> None:
    shown = compact_view.posts([largest_post(number, char) for number in range(25)], "concise")
    answer = {"results": shown, "query": "q" * 50, "total_found": 25, "after": "t3_1abcd24", "metadata": METADATA}
    assert len(shown) == 25
    assert size(answer) <= 9000
    assert all(item["title"] for item in shown)


@pytest.mark.parametrize("char", CHARACTERS, ids=ascii)
def test_100_comments_stay_within_28000_characters(char: str) -> None:
    items = [largest_comment(number, char) for number in range(100)]
    answer = {
        "post": compact_view.post(largest_post(0, char), "concise"),
        "comments": compact_view.nest(items, compact_view.comments(items, "concise")),
        "total_comments": 123_456,
        "returned_comments": 100,
        "collapsed_comments": 123_356,
        "metadata": {**METADATA, "notice": "n" * 120},
    }
    assert size(answer) <= 28_000


def test_ordinary_posts_are_shown_whole() -> None:
    items = [post(number, title="t" * 60, selftext="s" * 60) for number in range(25)]
    shown = compact_view.posts(items, "concise")
    assert [item["title"] for item in shown] == ["t" * 60] * 25
    assert [item["selftext"] for item in shown] == ["s" * 60] * 25
    assert [item["permalink"] for item in shown] == [item.permalink for item in items]
    assert not any("truncated" in item for item in shown)


def test_one_long_text_does_not_shorten_the_others() -> None:
    shown = compact_view.posts([post(0, selftext="x" * 40_000), *(post(number) for number in range(1, 25))], "concise")
    assert len(shown[0]["selftext"]) == 300
    assert [item["selftext"] for item in shown[1:]] == ["I timed three of them."] * 24


def test_one_huge_address_costs_its_own_post_and_no_other() -> None:
    huge = post(0, url="https://kettle.example/" + "u" * 9000, is_self=False)
    others = [post(number, url=f"https://kettle.example/{number}", is_self=False) for number in range(1, 25)]
    shown = compact_view.posts([huge, *others], "concise")
    assert "url" not in shown[0]
    assert [item["url"] for item in shown[1:]] == [item.url for item in others]


def test_few_posts_may_use_the_room_of_many() -> None:
    shown = compact_view.posts([post(number, selftext="word " * 100) for number in range(5)], "concise")
    assert all(280 <= len(item["selftext"]) <= 300 for item in shown)


def test_a_cut_text_says_so() -> None:
    (shown,) = compact_view.posts([post(selftext="word " * 100)], "concise")
    assert shown["selftext"].endswith("…")
    assert shown["truncated"] is True
    (whole,) = compact_view.posts([post(selftext="w" * 300)], "concise")
    assert whole["selftext"] == "w" * 300
    assert "truncated" not in whole


def test_concise_post() -> None:
    (shown,) = compact_view.posts([post()], "concise")
    assert shown == {
        "id": "1abcd00",
        "title": "Which kettle boils fastest?",
        "author": "tea_lover",
        "subreddit": "kettles",
        "score": 42,
        "num_comments": 7,
        "created_utc": 1_700_000_000,
        "permalink": "https://www.reddit.com/r/kettles/comments/1abcd00/which/",
        "selftext": "I timed three of them.",
    }
    assert shown == compact_view.post(post(), "concise")


@pytest.mark.parametrize("name", ["over_18", "spoiler", "stickied", "is_video"])
def test_flags_appear_only_where_they_are_set(name: str) -> None:
    assert compact_view.concise_post(post(**{name: True}))[name] is True
    assert name not in compact_view.concise_post(post(**{name: False}))


def test_flair_and_address_appear_only_where_they_say_something() -> None:
    link = compact_view.concise_post(post(link_flair_text="Test", url="https://kettle.example/", is_self=False))
    assert (link["link_flair_text"], link["url"]) == ("Test", "https://kettle.example/")
    assert "url" not in compact_view.concise_post(post(url="", is_self=False))
    assert "url" not in compact_view.concise_post(post(is_self=False))
    assert "link_flair_text" not in compact_view.concise_post(post())


@pytest.mark.parametrize(
    "show", [lambda item: compact_view.posts([item], "full")[0], lambda item: compact_view.post(item, "full")]
)
def test_full_post(show: Any) -> None:
    shown = show(post(selftext="w" * 1000, title="t" * 300))
    assert set(shown) == set(FULL_POST.split())
    assert (shown["type"], shown["selftext"], shown["title"]) == ("post", "w" * 1000, "t" * 300)
    cut = show(post(selftext="w" * 1001))
    assert (len(cut["selftext"]), cut["selftext"][-1], cut["truncated"]) == (1000, "…", True)


def test_concise_comment() -> None:
    item = Comment(id="k1", author="pot_watcher", body="The blue one.", score=5, depth=2, parent_id="t1_k0")
    assert compact_view.comments([item], "concise") == [
        {"id": "k1", "author": "pot_watcher", "body": "The blue one.", "score": 5, "depth": 2, "replies": []}
    ]
    marked = item.model_copy(update={"is_submitter": True, "stickied": True, "distinguished": "moderator"})
    (shown,) = compact_view.comments([marked], "concise")
    assert (shown["is_submitter"], shown["stickied"], shown["distinguished"]) == (True, True, "moderator")


def test_full_comment() -> None:
    item = Comment(id="k1", body="b" * 9000, parent_id="t3_1abc2d", subreddit="kettles", permalink="https://x.example")
    (shown,) = compact_view.comments([item], "full")
    assert set(shown) == set(FULL_COMMENT.split())
    assert (shown["type"], shown["body"], shown["parent_id"]) == ("comment", "b" * 9000, "t3_1abc2d")


def test_no_posts_and_no_comments() -> None:
    assert compact_view.posts([], "concise") == compact_view.posts([], "full") == []
    assert compact_view.comments([], "concise") == compact_view.nest([], []) == []


def tree(*edges: tuple[str, str]) -> list[Comment]:
    forest = CommentForest()
    forest.add((Comment(id=identity, parent_id=parent) for identity, parent in edges), ())
    return forest.comments


def test_nest() -> None:
    items = tree(("a", "t3_x"), ("b", "t1_a"), ("c", "t1_b"), ("d", "t1_a"), ("e", "t3_x"), ("f", "t1_gone"))
    roots = compact_view.nest(items, compact_view.comments(items, "concise"))
    assert [root["id"] for root in roots] == ["a", "e", "f"]
    assert [reply["id"] for reply in roots[0]["replies"]] == ["b", "d"]
    assert [reply["id"] for reply in roots[0]["replies"][0]["replies"]] == ["c"]


def test_the_deepest_tree_shown_can_be_read() -> None:
    items = tree(*((f"k{level}", f"t1_k{level - 1}") for level in range(300)))
    forest = CommentForest(items)
    assert forest.prune(0, 1000) == 200
    text = orjson.dumps(
        {"comments": compact_view.nest(forest.comments, compact_view.comments(forest.comments, "full"))}
    )
    reply = orjson.loads(text)["comments"][0]
    for level in range(1, 100):
        (reply,) = reply["replies"]
        assert reply["id"] == f"k{level}"
    assert reply["replies"] == []


texts = st.text(max_size=400) | st.sampled_from(CHARACTERS).map(lambda char: char * 400)


@given(st.lists(st.tuples(texts, texts, st.booleans()), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_any_posts_stay_within_their_budget(contents: list[tuple[str, str, bool]]) -> None:
    items = [
        post(
            number,
            title=title[:300].encode(errors="replace").decode(),
            selftext=text.encode(errors="replace").decode(),
            over_18=flag,
        )
        for number, (title, text, flag) in enumerate(contents)
    ]
    shown = compact_view.posts(items, "concise")
    assert size(shown) <= 340 * 25 + 1
    for item, view in zip(items, shown, strict=True):
        whole = view["title"] == item.title and view["selftext"] == item.selftext
        assert whole == ("truncated" not in view)
