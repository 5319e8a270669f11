"""Reddit's JSON into models, whatever it looks like."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reddit_mcp.models import (
    Branches,
    Comment,
    Discussed,
    Listing,
    Names,
    Post,
    Rule,
    Rules,
    Subreddit,
    Thread,
    User,
    Value,
)
from reddit_mcp.upstream.reddit_api.parsing import UnexpectedShape, parse
from tests.support.reddit_shapes import listing, t1, t2, t3, t5

MODELS: tuple[type[Value], ...] = (Listing, Thread, Branches, User, Subreddit, Rules, Names)
WRONG: tuple[Any, ...] = (
    None,
    [],
    {},
    [1],
    {"a": 1},
    True,
    -1,
    1e400,
    float("nan"),
    10**400,
    "",
    "x",
    "\ud83d",
    "12.5",
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
things = st.sampled_from(["t1", "t3", "more", "t5", "Listing", ""])
fields = st.sampled_from(
    ["id", "name", "score", "created_utc", "replies", "children", "count", "author", "body", "title"]
)
children = st.lists(
    st.fixed_dictionaries({"kind": things, "data": st.dictionaries(fields, anything, max_size=6)}) | anything,
    max_size=4,
)
pages = st.fixed_dictionaries({"data": st.fixed_dictionaries({"children": children, "after": anything})})
nearly = (
    pages | st.lists(pages, max_size=3) | st.fixed_dictionaries({"json": st.fixed_dictionaries({"data": anything})})
)


def post_of(**changes: Any) -> Post:
    (post,) = parse(Listing, listing(t3(**changes))).items
    assert isinstance(post, Post)
    return post


def comment_of(**changes: Any) -> Comment:
    (comment,) = parse(Listing, listing(t1(**changes))).items
    assert isinstance(comment, Comment)
    return comment


def test_post() -> None:
    assert post_of() == Post(
        id="1abc2d",
        title="Which kettle boils fastest?",
        author="tea_lover",
        subreddit="kettles",
        created_utc=1700000000,
        score=42,
        upvote_ratio=0.93,
        num_comments=7,
        url="https://www.reddit.com/r/kettles/comments/1abc2d/which_kettle/",
        permalink="https://www.reddit.com/r/kettles/comments/1abc2d/which_kettle/",
        selftext="I timed three of them.",
        link_flair_text="Test",
        is_self=True,
    )


def test_comment() -> None:
    assert comment_of() == Comment(
        id="k1",
        author="pot_watcher",
        body="The blue one.",
        score=5,
        created_utc=1700000100,
        parent_id="t3_1abc2d",
        permalink="https://www.reddit.com/r/kettles/comments/1abc2d/which_kettle/k1/",
        subreddit="kettles",
        post=Discussed(id="1abc2d", title="", subreddit="kettles"),
    )
    assert comment_of(link_title="Which kettle?").post == Discussed(
        id="1abc2d", title="Which kettle?", subreddit="kettles"
    )


def test_user() -> None:
    expected = User(
        username="tea_lover",
        created_utc=1500000000,
        link_karma=10,
        comment_karma=20,
        is_mod=True,
        has_verified_email=True,
    )
    assert parse(User, t2()) == expected


def test_suspended_user_has_a_name_alone() -> None:
    payload = {"kind": "t2", "data": {"name": "gone", "is_suspended": True}}
    assert parse(User, payload) == User(username="gone", is_suspended=True)


def test_subreddit() -> None:
    assert parse(Subreddit, t5()) == Subreddit(
        name="kettles",
        title="Kettles",
        description="All about kettles.",
        subscribers=1234,
        active_users=12,
        created_utc=1300000000,
        url="https://www.reddit.com/r/kettles/",
    )


def test_active_users_under_their_older_name() -> None:
    assert parse(Subreddit, t5(active_user_count=None, accounts_active=9)).active_users == 9
    assert parse(Subreddit, t5(active_user_count=0, accounts_active=9)).active_users == 0


def test_rules() -> None:
    payload = {"rules": [{"short_name": "Be kind", "description": "Always.", "kind": "all", "priority": 0}, None, {}]}
    assert parse(Rules, payload).rules == (
        Rule(short_name="Be kind", description="Always.", kind="all"),
        Rule(short_name=""),
    )


def test_names_of_communities() -> None:
    assert parse(Names, {"names": ["kettles", None, 5, "kettlebells"]}).names == ("kettles", "kettlebells")
    assert parse(Names, {"names": "kettles"}).names == ()


@pytest.mark.parametrize("name", sorted(set(t3()["data"]) - {"id", "name"}))
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_any_field_of_a_post_may_be_wrong(name: str, value: Any) -> None:
    post = post_of(**{name: value})
    assert post.id == "1abc2d"
    assert post.model_dump_json()
    other = t3()
    del other["data"][name]
    assert parse(Listing, listing(other)).items


@pytest.mark.parametrize("name", sorted(set(t1()["data"]) - {"id", "name"}))
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_any_field_of_a_comment_may_be_wrong(name: str, value: Any) -> None:
    comment = comment_of(**{name: value})
    assert comment.id == "k1"
    assert comment.model_dump_json()


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_any_field_of_a_user_or_community_may_be_wrong(value: Any) -> None:
    wrong_user = {name: value for name in t2()["data"] if name != "name"}
    wrong_community = {name: value for name in t5()["data"] if name != "display_name"}
    assert parse(User, {"data": {"name": "tea_lover", **wrong_user}}).username == "tea_lover"
    assert parse(Subreddit, {"data": {"display_name": "kettles", **wrong_community}}).name == "kettles"


@pytest.mark.parametrize(
    ("model", "payload"),
    [
        (User, {"data": {}}),
        (User, {"data": {"name": 5}}),
        (Subreddit, {"data": {"title": "Kettles"}}),
        (User, listing()),
    ],
)
def test_without_a_name_it_is_not_an_answer(model: type[Value], payload: Any) -> None:
    with pytest.raises(UnexpectedShape):
        parse(model, payload)


def test_missing_numbers_are_null_and_missing_texts_empty() -> None:
    bare = parse(Listing, {"data": {"children": [{"kind": "t3", "data": {"id": "1abc2d"}}]}}).items[0]
    assert bare == Post(id="1abc2d", permalink="https://www.reddit.com/comments/1abc2d/")


@pytest.mark.parametrize(
    ("given_", "seconds"),
    [(1700000000.0, 1700000000), ("1700000000", 1700000000), ("1700000000.7", 1700000000)],
)
def test_times_in_any_spelling(given_: Any, seconds: int) -> None:
    assert post_of(created_utc=given_).created_utc == seconds


@pytest.mark.parametrize(
    ("data", "identity"),
    [({"id": "abc", "name": "t3_abc"}, "abc"), ({"id": "t3_abc"}, "abc"), ({"id": None, "name": "t3_abc"}, "abc")],
)
def test_ids_lose_their_prefix(data: dict[str, Any], identity: str) -> None:
    assert post_of(**{"name": None, **data}).id == identity


def test_things_without_an_identity_are_left_out() -> None:
    nameless = t3(id=None, name=None)
    page = parse(Listing, listing(nameless, t3("b"), None, {"kind": "t3"}, {"kind": "t5", "data": {"id": "x"}}))
    assert [item.id for item in page.items] == ["b"]


@pytest.mark.parametrize("author", ["", None, 7])
def test_deleted_authors(author: Any) -> None:
    assert post_of(author=author).author == comment_of(author=author).author == "[deleted]"


def test_paths_become_addresses() -> None:
    post = post_of(url="/r/kettles/comments/1abc2d/", permalink=None)
    assert post.url == "https://www.reddit.com/r/kettles/comments/1abc2d/"
    assert post.permalink == "https://www.reddit.com/comments/1abc2d/"
    assert comment_of(permalink=None).permalink == "https://www.reddit.com/comments/1abc2d/_/k1/"


def test_half_a_surrogate_pair_does_not_reach_utf8() -> None:
    post = post_of(title="cut \ud83d", id="a\udc00b")
    assert post.title == "cut ?"
    post.model_dump_json().encode()


def test_after_is_a_cursor_or_nothing() -> None:
    assert parse(Listing, listing(after="t3_x")).after == "t3_x"
    assert parse(Listing, listing(after="")).after is None
    assert parse(Listing, listing(after=5)).after is None


@given(anything | nearly)
@settings(max_examples=150, deadline=None)
def test_arbitrary_json_raises_nothing_but_unexpected_shape(payload: Any) -> None:
    for model in MODELS:
        try:
            value = parse(model, payload)
        except UnexpectedShape:
            continue
        assert isinstance(value, model)
        assert value.model_dump_json()
