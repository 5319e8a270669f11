"""Each part of a post or comment through Reddit's API, an imported archive and Arctic Shift."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.http_api import reddit_json
from reddit_mcp.archive.sqlite.archive_writer import Writer
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from reddit_mcp.tools.results import compact_view
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import items
from reddit_mcp.upstream.reddit_api import parsing
from tests.support.archive_records import comment, post

Fields = dict[str, Any]
Source = Callable[[str, Fields, Path], Fields]
IMAGE = {"status": "valid", "s": {"u": "https://preview.redd.it/m1.png?s=1"}}
FILM = {"reddit_video": {"fallback_url": "https://v.redd.it/x1/DASH_720.mp4?source=fallback"}}
OPTIONS = {"options": [{"text": "clay"}, {"text": "iron"}], "total_vote_count": None}
ORIGINAL = {"id": "o1", "subreddit": "tea", "title": "T", "permalink": "/r/tea/comments/o1/t/"}
SHOWN_ORIGINAL = {**ORIGINAL, "permalink": "https://www.reddit.com/r/tea/comments/o1/t/"}
GALLERY = {"gallery_data": {"items": [{"media_id": "m1", "caption": "c"}, {"media_id": "no"}]},
           "media_metadata": {"m1": IMAGE, "no": {"status": "failed"}}}  # fmt: skip


def from_reddit(_kind: str, data: Fields, _folder: Path) -> Fields:
    return data


def from_an_archive(kind: str, data: Fields, folder: Path) -> Fields:
    path = folder / "archive.db"
    with Writer(path) as writer:
        writer.add([(kind, data)])
    store = SqliteStore(path)
    (found,) = store.things([f"{kind}_{data['id']}"])
    shown: Fields = reddit_json.thing(found)["data"]
    return shown


def from_arctic_shift(kind: str, data: Fields, _folder: Path) -> Fields:
    (item,) = items(kind, [data])
    shown: Fields = item.wire()["data"]
    return shown


@pytest.fixture(params=[from_reddit, from_an_archive, from_arctic_shift])
def source(request: pytest.FixtureRequest) -> Source:
    found: Source = request.param
    return found


POSTS: list[tuple[Fields, Fields]] = [
    (GALLERY, {"gallery": [{"url": IMAGE["s"]["u"], "caption": "c"}]}),  # type: ignore[index]
    ({"is_gallery": True, "gallery_data": None}, {}),
    ({"crosspost_parent_list": [ORIGINAL | GALLERY]},
     {"crosspost_of": SHOWN_ORIGINAL, "gallery": [{"url": IMAGE["s"]["u"], "caption": "c"}]}),  # type: ignore[index]
    ({"crosspost_parent": "t3_o1", "crosspost_parent_list": []}, {"crosspost_of": {"id": "o1"}}),
    ({"crosspost_parent_list": [ORIGINAL | {"media": FILM}]},
     {"crosspost_of": SHOWN_ORIGINAL, "video_url": "https://v.redd.it/x1/DASH_720.mp4"}),
    ({"media": FILM}, {"video_url": "https://v.redd.it/x1/DASH_720.mp4"}),
    ({"poll_data": OPTIONS}, {"poll": {"options": [{"text": "clay"}, {"text": "iron"}]}}),
    ({"poll_data": {"options": []}}, {}),
    ({"poll_data": OPTIONS | {"voting_end_timestamp": 1_700_000_100}},
     {"poll": {"options": [{"text": "clay"}, {"text": "iron"}], "ends_utc": 1_700_000_100}}),
    ({"removed_by_category": "moderator"}, {"removed": "moderator"}),
    ({"selftext": "[deleted]"}, {"removed": "author"}),
    ({"title": "[deleted by user]", "selftext": "[removed]"}, {"removed": "author"}),
    ({"locked": True, "archived": True}, {"locked": True, "archived": True}),
    ({"contest_mode": True, "locked": False}, {"contest_mode": True}),
    ({"edited": 1_700_000_050.0}, {"edited_utc": 1_700_000_050}),
    ({"edited": True}, {}),
    ({"edited": False}, {}),
    ({"hide_score": True}, {"score_hidden": True}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "read"), POSTS)
def test_a_post_says_what_its_source_does(source: Source, tmp_path: Path, fields: Fields, read: Fields) -> None:
    kind, data = post("p1", **fields)
    shown = compact_view.concise_post(parsing.post(source(kind, data, tmp_path)))
    assert {name: shown[name] for name in compact_view.PARTS if name in shown} == _as_tuples(read)
    assert ("score_hidden" in shown) == (shown["score"] is None)


@pytest.mark.parametrize(
    ("flair", "read"),
    [("Potter", {"author_flair_text": "Potter"}), ("", {}), (None, {})],
    ids=["said", "empty", "none"],
)
def test_an_authors_flair_is_for_full_answers(source: Source, tmp_path: Path, flair: str | None, read: Fields) -> None:
    found = parsing.post(source(*post("p1", author_flair_text=flair), tmp_path))
    full, concise = compact_view.full_post(found), compact_view.concise_post(found)
    assert {name: full[name] for name in ("author_flair_text",) if name in full} == read
    assert "author_flair_text" not in concise


COMMENTS: list[tuple[Fields, Fields]] = [
    ({"score_hidden": True}, {"score_hidden": True, "score": None}),
    ({"edited": 1_700_000_050}, {"edited_utc": 1_700_000_050}),
    ({"edited": True}, {}),
    ({"collapsed_reason": "low score"}, {"collapsed_reason": "low score"}),
    ({"body": "[removed]"}, {"removed": "moderator"}),
    ({"body": "![img](m1)", "media_metadata": {"m1": IMAGE}}, {"body": "https://preview.redd.it/m1.png?s=1"}),
    ({"body": "![gif](giphy|abc)"}, {"body": "https://giphy.com/gifs/abc"}),
    ({"body": r"a\_b &#x200B;"}, {"body": "a_b "}),
]


@pytest.mark.parametrize(("fields", "read"), COMMENTS)
def test_a_comment_says_what_its_source_does(source: Source, tmp_path: Path, fields: Fields, read: Fields) -> None:
    kind, data = comment("c1", **fields)
    shown = compact_view.comment(parsing.comment(source(kind, data, tmp_path)), "concise")
    assert {name: shown[name] for name in read} == read
    assert {name for name in compact_view.COMMENT_PARTS if name in shown} == read.keys() & {*compact_view.COMMENT_PARTS}


@pytest.mark.parametrize("mark", ["promoted", "is_created_from_ads_ui"])
def test_a_promoted_post_is_left_out(source: Source, tmp_path: Path, mark: str) -> None:
    fields: Fields = {mark: True}
    data = source(*post("p1", **fields), tmp_path)
    assert parsing.listing(reddit_json.listing([{"kind": "t3", "data": data}])).items == ()


@pytest.mark.parametrize("read", [from_an_archive, from_arctic_shift])
def test_flags_as_dumps_write_them(read: Source, tmp_path: Path) -> None:
    data = read(*post("p1", locked="true", archived="false", over_18=1, spoiler=0), tmp_path)
    found = parsing.post(data)
    assert (found.locked, found.archived, found.over_18, found.spoiler) == (True, False, True, False)


def _as_tuples(read: Fields) -> Fields:
    """Lists of models are tuples until they are JSON."""
    return {
        name: tuple(value)
        if isinstance(value, list)
        else value | {"options": tuple(value["options"])}
        if name == "poll"
        else value
        for name, value in read.items()
    }
