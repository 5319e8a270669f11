"""`export` as its users run it: over the sample archive, and over a Reddit that hangs in the midst of it."""

import csv
import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.reddit_shapes import listing, t3
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.server_process import command, environment, give_sample
from tests.support.tool_calls import Json

SAMPLE = {"DATA_SOURCE": "sample"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    give_sample(folder)
    return folder


def export(data_dir: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    with command("export", *words, data_dir=data_dir, **{**SAMPLE, **settings}) as process:
        out, err = (part.encode() for part in process.communicate(timeout=60))
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_all_pages_of_a_listing_come_each_post_once(data_dir: Path) -> None:
    ended = export(data_dir, "get_subreddit_posts", "subreddit=all", "sort=new", "--format", "jsonl")
    assert ended.returncode == 0
    posts = [json.loads(line) for line in ended.stdout.decode().splitlines()]
    ids = [post["id"] for post in posts]
    assert len(ids) > 300
    assert len(ids) == len(set(ids))
    assert [post["created_utc"] for post in posts] == sorted((post["created_utc"] for post in posts), reverse=True)
    told = ended.stderr.decode().splitlines()
    assert told[:3] == ["100 records of 1 page", "200 records of 2 pages", "300 records of 3 pages"]
    assert told[-2].startswith("This is invented sample data")
    assert told[-1].startswith(f"Done: {len(ids)} records of ")


def test_a_table_has_as_many_rows_as_the_limit_says(data_dir: Path) -> None:
    target = data_dir / "posts.csv"
    arguments = json.dumps({"query": "the", "time_filter": "all", "limit": 130})
    ended = export(data_dir, "search_reddit", arguments, "--format", "csv", "--output", str(target))
    assert (ended.returncode, ended.stdout) == (0, b"")
    rows = list(csv.DictReader(io.StringIO(target.read_bytes().decode(), newline=""), strict=True))
    assert len({row["id"] for row in rows}) == len(rows) == 130
    assert all(row["type"] == "post" and row["title"] and int(row["score"]) < 100_000 for row in rows)
    assert f"130 records of 2 pages in {target}" in ended.stderr.decode()


def test_a_discussion_is_read_as_a_list(data_dir: Path) -> None:
    busiest = export(data_dir, "get_subreddit_posts", "subreddit=all", "sort=top", "limit=1", "--format", "jsonl")
    post = json.loads(busiest.stdout)
    ended = export(data_dir, "get_post_comments", f"post_id={post['id']}", "limit=10", "--format", "md")
    text = ended.stdout.decode()
    assert text.startswith(f"# get_post_comments\n\n- post_id: {post['id']}\n- limit: 10\n\n- **[")
    assert "\n  - u/" in text
    assert text.count(" points · ") + text.count(" points\n") == 11


def test_fields_are_named_with_commas(data_dir: Path) -> None:
    words = ("get_subreddit_posts", "subreddit=all", "fields=id,title", "limit=2", "--format", "csv")
    assert export(data_dir, *words).stdout.splitlines()[0] == b"type,id,title,truncated"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["search", "query=lua"], "did you mean search_reddit?"),
        (["search_reddit", "lua"], "'lua' is no argument: write name=value"),
        (["search_reddit", "{query: lua}"], "no valid JSON"),
        (["search_reddit"], "query is required"),
        (["search_reddit", "query=lua", "kind=people"], "Allowed for kind: posts, comments, communities"),
        (["search_reddit", "query=lua", "limit=0"], "limit must be a whole number"),
        (["watch_keywords", "action=create", "keywords=lua"], "must be list or matches"),
    ],
)
def test_a_wrong_question_is_one_line_and_changes_no_file(data_dir: Path, words: list[str], part: str) -> None:
    target = data_dir / "kept.csv"
    target.write_text("kept")
    ended = export(data_dir, *words, "--format", "csv", "--output", str(target))
    assert ended.returncode == 2
    assert part in ended.stderr.decode()
    assert ended.stderr.count(b"\n") == 1
    assert target.read_text() == "kept"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["get_user_info", "username=nobody_of_this_name", "--format", "md"], "no user u/nobody_of_this_name"),
        (["get_subreddit_posts", "subreddit=all", "--format", "md", "--output", "/nowhere/x"], "/nowhere/x cannot be"),
    ],
)
def test_what_cannot_be_had_is_one_line(data_dir: Path, words: list[str], part: str) -> None:
    ended = export(data_dir, *words)
    assert ended.returncode == 1
    assert part in ended.stderr.decode()
    assert ended.stderr.count(b"\n") == 1


def hanging(request: Request) -> Reply:
    """The first page; the second is on its way for ever."""

    def silence(closing: threading.Event) -> Iterator[bytes]:
        closing.wait()
        yield b""

    if "after" in request.query:
        return Reply(raw=silence)
    posts = [t3(f"p{at}", title=f'Post "{at}", one line\nor two') for at in range(100)]
    return Reply(body=listing(*posts, after="t3_p99"))


def broken(request: Request) -> Reply:
    return Reply(status=503) if "after" in request.query else hanging(request)


def over(reddit: ScriptedReddit) -> dict[str, str]:
    credentials = {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "s", "RETRY_ATTEMPTS": "1"}
    return {**credentials, "DATA_SOURCE": "reddit", "REDDIT_OAUTH_URL": reddit.url, "REDDIT_URL": reddit.url}


WORDS = ("get_subreddit_posts", "subreddit=kettles", "--format", "csv", "--output", "part.csv")


def whole_rows(path: Path) -> list[Json]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline=""), strict=True))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_a_valid_file(tmp_path: Path, number: signal.Signals) -> None:
    reddit = ScriptedReddit()
    reddit.answer = hanging
    with reddit.running(), command("export", *WORDS, data_dir=tmp_path, **over(reddit)) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "100 records of 1 page\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "Stopped: 100 records of 1 page in part.csv\n"
    assert [row["id"] for row in whole_rows(tmp_path / "part.csv")] == [f"p{at}" for at in range(100)]


def test_a_page_that_fails_leaves_the_others_and_says_so(tmp_path: Path) -> None:
    reddit = ScriptedReddit()
    reddit.answer = broken
    with reddit.running():
        ended = export(tmp_path, *WORDS, **over(reddit))
    assert ended.returncode == 1
    *_, stopped, why = ended.stderr.decode().splitlines()
    assert stopped == "Stopped: 100 records of 1 page in part.csv"
    assert why.startswith("mcp-for-reddit: Reddit")
    assert len(whole_rows(tmp_path / "part.csv")) == 100


def test_a_reader_that_has_enough_ends_it(data_dir: Path) -> None:
    line = f"{sys.executable} -m reddit_mcp export get_subreddit_posts subreddit=all --format jsonl | head -n 1"
    settings = environment(data_dir, **SAMPLE)
    ended = subprocess.run(["bash", "-c", line], env=settings, capture_output=True, timeout=60, check=False)
    assert json.loads(ended.stdout)["type"] == "post"
    assert b"Traceback" not in ended.stderr
    assert b"Exception" not in ended.stderr
