"""Orders of comments that are no matter of a number, over an imported archive and Arctic Shift alike."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.sqlite.archive_writer import Writer
from tests.support import archive_records
from tests.support.arctic_shift import bench
from tests.support.fake_arctic_shift import comment as arctic_comment
from tests.support.fake_arctic_shift import post as arctic_post
from tests.support.three_sources import Tools, over_archive, over_arctic_shift

Json = Any
Threads = Callable[[Json, list[Json], Path], AbstractAsyncContextManager[Tools]]


@contextlib.asynccontextmanager
async def an_archive(post: Json, comments: list[Json], folder: Path) -> AsyncIterator[Tools]:
    with Writer(folder / "db") as writer:
        writer.add([archive_records.post("p1", **post)])
        writer.add([archive_records.comment(link="p1", **each) for each in comments])
    async with over_archive(folder / "db") as tools:
        yield tools


@contextlib.asynccontextmanager
async def arctic_shift(post: Json, comments: list[Json], _folder: Path) -> AsyncIterator[Tools]:
    async with bench() as found:
        found.fake.posts.append(arctic_post("p1", **post))
        named = ({"identity" if name == "number" else name: value for name, value in each.items()} for each in comments)
        found.fake.comments += [arctic_comment(link="p1", **{"parent": "", **each}) for each in named]
        yield over_arctic_shift(found)


@pytest.fixture(params=[an_archive, arctic_shift])
def threads(request: pytest.FixtureRequest) -> Threads:
    found: Threads = request.param
    return found


MANY: list[Json] = [{"number": f"c{at:02d}", "score": at} for at in range(30)]
BY_SCORE = [each["number"] for each in reversed(MANY)]


def ids(answer: Json) -> list[str]:
    return [each["id"] for each in answer["comments"]]


async def test_contest_mode_is_a_random_order_that_stays_whatever_is_asked_for(
    threads: Threads, tmp_path: Path
) -> None:
    async with threads({"contest_mode": True}, MANY, tmp_path) as tools:
        answers = [await tools("get_post_comments", post_id="p1", sort=sort) for sort in ("best", "top", "new", "old")]
    first, *others = map(ids, answers)
    assert others == [first] * 3
    assert sorted(first) == sorted(BY_SCORE)
    assert first not in (BY_SCORE, sorted(BY_SCORE))
    for answer in answers:
        assert answer["post"]["contest_mode"] is True
        assert "random order" in answer["metadata"]["notice"]


@pytest.mark.parametrize("mode", [False, None, "false"])
async def test_without_it_the_order_is_the_one_asked_for(threads: Threads, tmp_path: Path, mode: Json) -> None:
    async with threads({"contest_mode": mode}, MANY, tmp_path) as tools:
        answer = await tools("get_post_comments", post_id="p1", sort="top")
    assert ids(answer) == BY_SCORE
    assert "contest_mode" not in answer["post"]
    assert "notice" not in answer["metadata"]


async def test_collapsed_comments_of_a_contest_are_the_last_of_its_order(threads: Threads, tmp_path: Path) -> None:
    async with threads({"contest_mode": True}, MANY, tmp_path) as tools:
        whole = ids(await tools("get_post_comments", post_id="p1"))
        part = await tools("get_post_comments", post_id="p1", limit=10)
    assert (ids(part), part["collapsed_comments"]) == (whole[:10], 20)


async def test_questions_and_answers_put_first_what_the_asker_answered(threads: Threads, tmp_path: Path) -> None:
    """A question counts with the best answer of the post's author; another's answer and score do not help."""
    comments = [
        {"number": "c1", "score": 90},
        {"number": "c2", "score": 30},
        {"number": "c3", "score": 1, "author": "eve"},
        {"number": "c4", "parent": "c2", "score": 40, "author": "anna", "is_submitter": True},
        {"number": "c5", "parent": "c3", "score": 900},
        {"number": "c6", "parent": "c1", "score": 900, "author": "eve"},
    ]
    async with threads({"author": "anna"}, comments, tmp_path) as tools:
        answered = ids(await tools("get_post_comments", post_id="p1", sort="qa"))
        best = ids(await tools("get_post_comments", post_id="p1", sort="best"))
    assert (answered, best) == (["c2", "c1", "c3"], ["c1", "c2", "c3"])
