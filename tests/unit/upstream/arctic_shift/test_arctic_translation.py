"""Reddit's questions as Arctic Shift's, without any request."""

import time
from typing import Any

import pytest

from reddit_mcp.errors import InvalidInput, NotFound, RateLimited, Unavailable, UpstreamError
from reddit_mcp.upstream.arctic_shift import Budget, Span
from reddit_mcp.upstream.arctic_shift.client import arctic_failures
from reddit_mcp.upstream.arctic_shift.client.page_cursor import LONGEST, Position, Rank, position, rank, unknown
from reddit_mcp.upstream.arctic_shift.client.time_span import DAY, period
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import items, numbered
from reddit_mcp.upstream.arctic_shift.questions.community_questions import communities
from reddit_mcp.upstream.arctic_shift.questions.keyword_query import Keywords, parse
from reddit_mcp.upstream.reddit_api.response_errors import HTTP_OK
from tests.support.fake_arctic_shift import comment, post


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("blue kettle", Keywords(words={"query": "blue kettle"})),
        ('"blue kettle" AND pot', Keywords(words={"query": '"blue kettle" pot'})),
        ("(blue kettle)", Keywords(words={"query": "blue kettle"})),
        ("title:blue selftext:red x", Keywords(words={"title": "blue", "selftext": "red", "query": "x"})),
        ('flair:"Help me"', Keywords(words={"link_flair_text": '"Help me"'})),
        ("author:u/Anna tea", Keywords(words={"query": "tea"}, author="Anna")),
        ("subreddit:r/kettles tea", Keywords(words={"query": "tea"}, subreddit="kettles")),
        ("nsfw:no tea", Keywords(words={"query": "tea"}, flags={"over_18": "false"})),
        ("tea -bag NOT cup", Keywords(words={"query": "tea"}, without=["bag", "cup"])),
        ('tea -"tea bag"', Keywords(words={"query": "tea"}, without=["tea bag"])),
        ("self:yes tea", Keywords(words={"query": "tea"}, is_self=True)),
        ("a - b", Keywords(words={"query": "a b"})),
        ("what: 10:30 C++", Keywords(words={"query": "what: 10:30 C++"})),
        ("https://a.example/b", Keywords(words={"query": "https://a.example/b"})),
        ("url:https://a.example/b?c=d", Keywords(address="https://a.example/b?c=d")),
        ('""', Keywords()),
    ],
)
def test_what_a_query_asks_for(query: str, expected: Keywords) -> None:
    assert parse(query) == expected


@pytest.mark.parametrize(
    ("query", "instead"),
    [
        ("tea OR coffee", "search for each of the words by itself"),
        ("tea NOT (cup bag)", "before each word"),
        ("tea -(cup bag)", "before each word"),
        ("-author:anna tea", "search without it"),
        ("title:(a b)", "title:word"),
        ("author:a/b/c", "author:example"),
        ("author:anna author:bela", "one author at once"),
    ],
)
def test_what_cannot_be_asked_names_what_can(query: str, instead: str) -> None:
    with pytest.raises(Unavailable, match=instead) as caught:
        parse(query)
    assert caught.value.data == {"service": "arctic_shift", "reason": "not_offered_by_source"}


def test_addresses_begin_with_or_without_www() -> None:
    assert parse("site:www.example.org").prefixes() == ["https://example.org", "https://www.example.org"]
    assert parse("tea").prefixes() == []


def test_excluded_words_and_links_are_left_out_here() -> None:
    (kept, bag, link) = items(
        "t3",
        [
            post("a", title="Tea"),
            post("b", selftext="one Tea-Bag here"),
            post("c", is_self=False, domain="example.org"),
        ],
    )
    found = parse('-"tea bag" self:yes')
    assert [found.keeps(item) for item in (kept, bag, link)] == [True, False, False]


@pytest.mark.parametrize(
    "place",
    [
        Position(1_790_000_000),
        Position(1_790_000_000, frozenset(["t3_1abc2d", "t1_k"])),
        Position(1_790_000_000, frozenset(["t3_1abc2d"]), "t1_zz9"),
    ],
)
def test_a_position_is_its_cursor(place: Position) -> None:
    assert position(place.cursor) == place
    assert len(place.cursor) <= LONGEST


def test_a_position_that_fits_leaves_room() -> None:
    few = frozenset(f"t3_1abc2{digit}" for digit in "1234567")
    assert Position(1_790_000_000, few).fits
    assert not Position(1_790_000_000, few | {"t3_1abc2y", "t3_1abc2z"}).fits


@pytest.mark.parametrize("text", ["", "t3_x", "a", "zzz", "a1-t3_", "a1--x", "r1", "r1-x", "a" + "1" * 50])
def test_other_cursors_are_not_ours(text: str) -> None:
    assert position(text) is None
    assert rank(text) is None


def test_ranks_and_unknown_cursors() -> None:
    assert rank(Rank(1_790_000_000, 25).cursor) == Rank(1_790_000_000, 25)
    assert isinstance(unknown(), InvalidInput)


def test_spans() -> None:
    assert period("day", 1_000_000) == Span(since=1_000_000 - DAY)
    assert period("all", 1_000_000) == Span()
    assert Span(10, 20).params() == {"after": 9, "before": 20}
    assert [Span(10, 20).holds(at) for at in (9, 10, 19, 20)] == [False, True, True, False]
    now = 1_790_000_000
    assert [(now + 1 - (each.since or 0)) // DAY for each in Span().narrower(now)] == [30, 7, 1]
    assert Span(now - 100, now).narrower(now) == [Span(now - 50, now)]


def test_communities_are_asked_one_by_one() -> None:
    assert communities("a+b+a") == ["a", "b"]
    assert communities("popular") == []
    with pytest.raises(Unavailable, match="10 at most"):
        communities("+".join("abcdefghijk"))


def test_rows_without_an_id_or_a_time_are_left_out() -> None:
    rows: list[dict[str, Any]] = [
        post("ok"), post("x", id=None), {}, {"id": []}, post("y", created_utc=None), post("z", created_utc="never"),
    ]  # fmt: skip
    assert [item.fullname for item in items("t3", rows)] == ["t3_ok"]


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        ("t3", post("a", selftext="mine", _meta={"was_deleted_later": True, "removal_type": "deleted"}),
         {"selftext": "[deleted]", "author": "[deleted]", "removed_by_category": "deleted"}),
        ("t3", post("a", selftext="bad", _meta={"was_deleted_later": True, "removal_type": "moderator"}),
         {"selftext": "[removed]", "author": "anna", "removed_by_category": "moderator"}),
        ("t1", comment("a", "p", _meta={"was_deleted_later": True}), {"body": "[deleted]", "author": "[deleted]"}),
        ("t1", comment("a", "p", _meta={"was_deleted_later": True, "removal_type": "removed"}), {"body": "[removed]"}),
        ("t3", post("a", selftext="back", _meta={"was_initially_deleted": True}), {"selftext": "back"}),
        ("t3", post("a", selftext="mine", _meta="nonsense"), {"selftext": "mine"}),
    ],
)  # fmt: skip
def test_what_was_taken_down_is_not_shown(kind: str, row: dict[str, Any], expected: dict[str, Any]) -> None:
    ((_, data),) = numbered(kind, [row])
    assert {name: data.get(name) for name in expected} == expected
    assert "_meta" not in data


@pytest.mark.parametrize(
    ("status", "payload", "kind"),
    [
        (HTTP_OK, {"data": None, "error": "Query timed out"}, arctic_failures.Refused),
        (422, {"data": None, "error": "no"}, arctic_failures.Refused),
        (400, {"error": "bad"}, Unavailable),
        (HTTP_OK, {"data": None}, UpstreamError),
        (HTTP_OK, [], UpstreamError),
        (HTTP_OK, {"error": []}, UpstreamError),
    ],
)
def test_bodies_that_are_no_answer(status: int, payload: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        arctic_failures.content(status, payload)


def test_statuses() -> None:
    limited = arctic_failures.refusal(429, {}, 12.2)
    assert isinstance(limited, RateLimited)
    assert limited.data["retry_after_seconds"] == 13
    assert limited.data["limit_type"] == "reddit_api"
    for status in (301, 403, 404, 500, 503):
        assert isinstance(arctic_failures.refusal(status, {}, None), UpstreamError)
    for status in (200, 400, 422):
        assert arctic_failures.refusal(status, {}, None) is None
    assert isinstance(arctic_failures.not_found("user u/x"), NotFound)


@pytest.mark.parametrize("form", ["wait", "second", "millisecond"])
def test_the_budget_learns_a_wait_in_every_form(form: str) -> None:
    budget, now = Budget(), time.time()
    reset = {"wait": 30.0, "second": now + 30, "millisecond": (now + 30) * 1000}[form]
    budget.learn({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)})
    assert budget.remaining == 0
    with pytest.raises(RateLimited, match="Arctic Shift"):
        budget.check()


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-remaining": "x"}, {"x-ratelimit-reset": "nan"}])
def test_the_budget_ignores_nonsense(headers: dict[str, str]) -> None:
    budget = Budget()
    budget.learn(headers)
    budget.check()
    assert budget.remaining is None
