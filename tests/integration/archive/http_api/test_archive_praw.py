"""PRAW works against the archive unchanged."""

from collections.abc import Iterator

import praw
import prawcore
import pytest
from praw.models import Comment, MoreComments, Submission

from reddit_mcp.archive.archive_store import Thing
from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.raw_fields import base36
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.archive_records import NOW, archive, comment, post

BIG = 1_500


def things() -> Iterator[Thing]:
    rules = [{"short_name": "Be kind", "kind": "all", "description": "Always.", "created_utc": float(NOW)}]
    yield "t5", {"display_name": "First", "name": "t5_1", "title": "The first", "subscribers": 10, "rules": rules}
    yield "t2", {"name": "anna", "id": "1", "link_karma": 7, "comment_karma": 8, "created_utc": float(NOW)}
    for at in range(250):
        yield post(base36(2_000_000 + at), f"Cats {at} & dogs", score=at, created_utc=NOW - at)
    yield post("big", "مرحبا 東京 🔥", subreddit="second", author="bela", created_utc=NOW - 999, num_comments=BIG)
    for at in range(BIG):
        parent = base36(3_000_000 + at * 2 // 3) if at % 5 else None
        yield comment(base36(3_000_001 + at), link="big", parent=parent, score=at % 23, author="[deleted]")
    for at in range(40):
        yield comment(base36(4_000_001 + at), link="big", parent=base36(4_000_000 + at) if at else None, score=99)


@pytest.fixture
def reddit(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[praw.Reddit]:
    monkeypatch.setenv("PRAW_ALLOW_ENDPOINT_OVERRIDE", "1")
    monkeypatch.setattr("prawcore.rate_limit.RateLimiter.delay", lambda _self: None)  # it paces 1,000 in 600 s
    path = archive(tmp_path_factory.mktemp("archive") / "praw.sqlite", *things())
    with (
        SqliteStore(path) as store,
        serving(store) as url,
        praw.Reddit(
            oauth_url=url,
            reddit_url=url,
            client_id="x",
            client_secret="y",
            user_agent="test:archive:1 (by /u/nobody)",
            check_for_updates=False,
        ) as reddit,
    ):
        yield reddit


def test_listings_page_through(reddit: praw.Reddit) -> None:
    newest = list(reddit.subreddit("first").new(limit=None))
    assert [post.id for post in newest] == [base36(2_000_000 + at) for at in range(250)]
    assert newest[0].title == "Cats 0 & dogs"
    assert newest[0].author == "anna"
    assert next(iter(reddit.subreddit("first+second").top(time_filter="all"))).score == 249
    for listing in (reddit.front.hot, reddit.subreddit("all").rising, reddit.subreddit("first").controversial):
        assert all(isinstance(post, Submission) for post in listing(limit=5))


def test_search(reddit: praw.Reddit) -> None:
    assert [post.id for post in reddit.subreddit("all").search("東京", time_filter="week")] == ["big"]
    assert len(list(reddit.subreddit("first").search('"dogs"', sort="new", limit=150))) == 150
    assert list(reddit.subreddit("first").search("東京")) == []


def test_a_whole_thread(reddit: praw.Reddit) -> None:
    submission = reddit.submission("big")
    assert submission.num_comments == BIG
    shown = submission.comments.list()
    assert any(isinstance(each, MoreComments) for each in shown)
    assert submission.comments.replace_more(limit=None) == []
    comments = [each for each in submission.comments.list() if isinstance(each, Comment)]
    assert len({each.id for each in comments}) == len(comments) == BIG + 40
    assert {each.author for each in comments} == {None, reddit.redditor("bela")}


def test_a_comment_and_its_parents(reddit: praw.Reddit) -> None:
    found = reddit.comment(base36(4_000_002))
    found.refresh()
    assert len(found.replies) == 1
    assert isinstance(found.parent(), Comment)
    assert found.submission.id == "big"


def test_info(reddit: praw.Reddit) -> None:
    names = ["t3_big", f"t1_{base36(4_000_001)}", "t5_1"]
    assert [each.fullname for each in reddit.info(fullnames=names)] == names


def test_redditors(reddit: praw.Reddit) -> None:
    anna = reddit.redditor("anna")
    assert (anna.link_karma, anna.comment_karma) == (7, 8)
    assert len(list(anna.submissions.top(limit=None))) == 250
    assert len(list(reddit.redditor("bela").comments.new(limit=None))) == 40
    assert {type(each) for each in reddit.redditor("bela").new(limit=None)} == {Comment, Submission}
    with pytest.raises(prawcore.NotFound):
        reddit.redditor("nobody")._fetch()
    bela = reddit.redditor("bela")
    bela._fetch()
    with pytest.raises(AttributeError):
        _ = bela.link_karma


def test_subreddits(reddit: praw.Reddit) -> None:
    first = reddit.subreddit("first")
    assert (first.title, first.subscribers) == ("The first", 10)
    assert [(rule.short_name, rule.kind) for rule in first.rules] == [("Be kind", "all")]
    assert [each.display_name for each in reddit.subreddits.search_by_name("sec")] == ["second"]
    assert [each.display_name for each in reddit.subreddits.search("the first")] == ["First"]
    with pytest.raises(prawcore.Redirect):
        list(reddit.subreddit("nowhere").hot())


def test_limits_are_read(reddit: praw.Reddit) -> None:
    list(reddit.subreddit("all").new(limit=1))
    assert reddit.auth.limits["used"]
    assert reddit.auth.limits["remaining"]
