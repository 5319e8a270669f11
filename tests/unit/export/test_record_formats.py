"""Records as files: what programs and people read there, whatever strangers wrote."""

import csv
import io
import json
from typing import Any

import pytest

from reddit_mcp.export.answer_records import records, types
from reddit_mcp.export.record_formats import FORMATS
from reddit_mcp.models import Comment, Discussed, Match, Original, Picture, Poll, PollOption, Post
from reddit_mcp.storage.watches.delivery_records import DeliveryState
from reddit_mcp.tools.results import compact_view

Json = dict[str, Any]

TELLING_POST = Post(
    id="1abc2d",
    title="-1 vote for *this* <b>plan</b>",
    author="ada",
    subreddit="lua",
    created_utc=1_700_000_000,
    score=-5,
    upvote_ratio=0.4,
    num_comments=2,
    url="https://example.org/a_b_c",
    permalink="https://www.reddit.com/r/lua/comments/1abc2d/",
    selftext='=HYPERLINK("https://example.org")\nsecond "line", ünicode\n<img src=x onerror=alert(1)>' + "long " * 300,
    link_flair_text="@flair",
    is_video=True,
    over_18=True,
    spoiler=True,
    stickied=True,
    crosspost_of=Original(id="1", subreddit="a", title="b", permalink="https://www.reddit.com/1"),
    gallery=(Picture(url="https://i.redd.it/1.png", caption="one"), Picture(url="https://i.redd.it/2.png")),
    video_url="https://v.redd.it/1",
    poll=Poll(options=(PollOption(text="yes", votes=3), PollOption(text="no")), total_votes=3, ends_utc=1),
    removed="moderator",
    locked=True,
    archived=True,
    edited_utc=2,
    score_hidden=True,
    contest_mode=True,
    author_flair_text="+flair",
)
TELLING_COMMENT = Comment(
    id="c1",
    author="bob",
    body="@SUM(A1)",
    score=3,
    created_utc=1_700_000_000,
    parent_id="t1_c0",
    is_submitter=True,
    stickied=True,
    distinguished="moderator",
    permalink="https://www.reddit.com/r/lua/comments/1abc2d/_/c1/",
    subreddit="lua",
    removed="author",
    edited_utc=1,
    score_hidden=True,
    collapsed_reason="low score",
    post=Discussed(id="1abc2d", title="A title", subreddit="lua"),
)
SILENT_POST, SILENT_COMMENT = Post(id="1"), Comment(id="2")


def file_of(form: str, tool: str, pages: list[Json], **arguments: Any) -> str:
    written = FORMATS[form](tool, arguments, types(tool, arguments))
    found = ([*records(tool, arguments, page, first=page is pages[0])] for page in pages)
    return "".join(map(written.page, found))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("detail", ["concise", "full"])
def test_a_later_page_brings_no_column_that_the_first_has_not(detail: str) -> None:
    pages = [
        {"user": {"username": "ada"}, "posts": compact_view.posts([post], detail),
         "comments": compact_view.comments([comment], detail)}
        for post, comment in ((SILENT_POST, SILENT_COMMENT), (TELLING_POST, TELLING_COMMENT))
    ]  # fmt: skip
    first, silent, _, telling, comment = rows(file_of("csv", "get_user_info", pages, include="All", detail=detail))
    assert (first["type"], first["username"], silent["id"]) == ("user", "ada", "1")
    assert telling["poll.total_votes"] == "3"
    assert [picture["url"][-5:] for picture in json.loads(telling["gallery"])] == ["1.png", "2.png"]
    assert (telling["crosspost_of.subreddit"], telling["removed"], telling["locked"]) == ("a", "moderator", "true")
    assert comment["collapsed_reason"] == "low score"
    assert (telling["truncated"], silent["truncated"]) == ("true", "")


@pytest.mark.parametrize("kind", ["posts", "comments"])
def test_the_results_of_a_search_have_the_same_columns_on_all_pages(kind: str) -> None:
    view = compact_view.posts if kind == "posts" else compact_view.found_comments
    things: list[Any] = [SILENT_POST, TELLING_POST] if kind == "posts" else [SILENT_COMMENT, TELLING_COMMENT]
    pages = [{"results": view([thing], detail)} for thing in things for detail in ("concise", "full")]
    assert len(rows(file_of("csv", "search_reddit", pages, kind=kind.upper()))) == 4


def test_a_match_and_its_delivery_have_the_same_columns_on_all_pages() -> None:
    def match(post: Post) -> Json:
        found = Match(
            match_id="m", watch_id="w", keyword="k", why="y", post=compact_view.concise_post(post), sentiment=0.5,
            matched_utc=1,
        )  # fmt: skip
        return found.model_dump(mode="json")

    told = DeliveryState(state="failed", attempts=2, began_utc=1, next_attempt_utc=2, ended_utc=3, error="e")
    delivery = told.model_dump(exclude={"began_utc"})
    pages = [{"matches": [match(SILENT_POST)]}, {"matches": [match(TELLING_POST) | {"delivery": delivery}]}]
    _, last = rows(file_of("csv", "watch_keywords", pages, action="matches", watch_id="w"))
    assert (last["post.title"], last["delivery.error"], last["post.truncated"]) == (
        f"'{TELLING_POST.title}",
        "e",
        "true",
    )


def test_no_cell_is_a_formula_and_numbers_stay_numbers() -> None:
    page = {"posts": compact_view.posts([TELLING_POST], "full")}
    (row,) = rows(file_of("csv", "get_subreddit_posts", [page]))
    assert row["selftext"].startswith("'=HYPERLINK(")
    assert "ünicode\n<img" in row["selftext"]
    assert (row["link_flair_text"], row["author_flair_text"], row["title"][:3]) == ("'@flair", "'+flair", "'-1")
    assert (row["score"], row["upvote_ratio"]) == ("-5", "0.4")
    assert not [cell for cell in row.values() if cell and cell[0] in "=+@\t\r"]


def test_the_fields_that_were_asked_for_are_the_columns() -> None:
    pages: list[Json] = [{"posts": [{"id": "1"}]}, {"posts": [{"id": "2", "poll": {"options": [], "total_votes": 1}}]}]
    text = file_of("csv", "get_subreddit_posts", pages, fields=["id", "poll"])
    assert text.splitlines()[0] == "type,id,poll.options,poll.total_votes,poll.ends_utc,truncated"


TREE: Json = {
    "post": compact_view.concise_post(TELLING_POST),
    "comments": [
        {"id": "a", "author": "ada", "body": "top", "score": 1, "depth": 0, "replies": [
            {"id": "b", "author": "bob", "body": "# reply\n\n<script>", "score": 1, "depth": 1, "replies": []},
        ]},
        {"id": "c", "author": "eve", "body": "", "score": None, "depth": 0, "replies": []},
    ],
    "metadata": {},
}  # fmt: skip


def test_a_tree_becomes_lines_in_reading_order_that_name_their_parents() -> None:
    lines = [json.loads(line) for line in file_of("jsonl", "get_post_comments", [TREE]).splitlines()]
    assert [(line["type"], line["id"], line.get("parent_id")) for line in lines] == [
        ("post", "1abc2d", None), ("comment", "a", None), ("comment", "b", "t1_a"), ("comment", "c", None),
    ]  # fmt: skip
    assert "replies" not in lines[1]


def test_a_tree_is_read_as_nested_quotes_and_nothing_of_it_is_run() -> None:
    text = file_of("md", "get_post_comments", [TREE], post_id="1abc2d")
    assert text.startswith("# get_post_comments\n\n- post_id: 1abc2d\n\n- **[-1 vote for \\*this\\* \\<b\\>plan")
    assert "](<https://www.reddit.com/r/lua/comments/1abc2d/>)**" in text
    assert "  - u/bob · 1 points\n    > # reply\n    >\n    > &lt;script>\n" in text
    assert "\n- u/eve\n" in text
    assert "<img" not in text
    assert "  - url: <https://example.org/a_b_c>\n" in text
    assert "    - options:\n" in text


def test_other_answers_are_one_record_or_one_each() -> None:
    mood = {"overall_sentiment": {"score": 0.1, "label": "neutral"}, "key_themes": [{"theme": "x"}], "metadata": {}}
    (row,) = rows(file_of("csv", "analyze_sentiment", [mood], content_type="post"))
    assert (row["overall_sentiment.label"], row["key_themes"]) == ("neutral", '[{"theme":"x"}]')
    about = {"subreddit": {"name": "lua", "over18": False}, "rules": [{"short_name": "One"}], "metadata": {}}
    assert "  - over18: false\n  - rules:\n    -\n      - short_name: One\n" in file_of(
        "md", "get_subreddit_info", [about]
    )
    trends = {"trending_topics": [{"keyword": "a"}, {"keyword": "b"}], "posts_analyzed": 9, "metadata": {}}
    lines = file_of("jsonl", "get_trending_topics", [trends]).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"type": "topic", "keyword": "a"},
        {"type": "topic", "keyword": "b"},
    ]
