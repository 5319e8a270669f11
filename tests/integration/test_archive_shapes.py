"""The archive's answers beside Reddit's recorded ones: the same calls, the same fields, the same types."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import praw
import prawcore
import pytest

from reddit_mcp.archive.dump import import_paths
from reddit_mcp.archive.server import serving
from reddit_mcp.archive.sqlite import SqliteStore
from tests.recorded_reddit import Exchange, exchanges
from tests.scripted_reddit import ScriptedReddit

Json = Any
Fields = dict[str, str]
ANSWERED = (
    "by_id", "comments", "info", "listing_front", "listing_sub", "morechildren", "search", "search_names",
    "search_subreddits", "sub_about", "sub_rules", "subreddits_list", "user_about", "user_comments", "user_overview",
    "user_submitted",
)  # fmt: skip
KINDS = {"Listing", "t1", "t2", "t3", "t5", "more", "rules", "rule", "morechildren", "names"}

TABLE_OF_2013 = "the posts of 2013 were exported as a table with other columns"
ADVERTISEMENT = "an advertisement stands in no community"
PLACE_BY_NAME = "only the name is known of a community without a t5 in the dumps"
USER_BY_NAME = "only the name is known of an account without a t2 in the dumps"
SUSPENDED = "Reddit tells nothing else of a suspended account"

ABSENT: dict[str, Fields] = {
    "t3": {
        **dict.fromkeys("approved_by archived author author_flair_text banned_by clicked created gilded".split(), TABLE_OF_2013),
        **dict.fromkeys("hidden likes media media_embed mod_reports num_reports report_reasons saved".split(), TABLE_OF_2013),
        **dict.fromkeys("secure_media secure_media_embed selftext_html stickied user_reports visited".split(), TABLE_OF_2013),
        **dict.fromkeys("subreddit subreddit_id".split(), ADVERTISEMENT),
    },
}  # fmt: skip
"""Fields that every recorded thing of a kind has and some of the archive's lack, with the reason."""

OTHERWISE: dict[str, Fields] = {}
"""Fields whose types in the archive's answers no recording shows, with the reason."""


class Shapes:
    """The things met, by kind: which fields all of them have, and the types of each field."""

    def __init__(self) -> None:
        self.types: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.always: dict[str, set[str]] = {}

    def add(self, found: Iterable[tuple[str, Json]]) -> None:
        for kind, data in found:
            self.always[kind] = self.always.get(kind, set(data)) & set(data)
            for field, value in data.items():
                self.types[kind][field].add(type(value).__name__)


def objects(value: Json) -> Iterator[tuple[str, Json]]:
    """Every object of Reddit's kinds anywhere in an answer."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    elif isinstance(value, dict):
        kind, data = value.get("kind"), value.get("data")
        if isinstance(kind, str) and isinstance(data, dict):
            yield kind, data
            yield from objects([data.get("children") if kind == "Listing" else None, data.get("replies")])
        elif "rules" in value:
            yield "rules", value
            yield from (("rule", rule) for rule in value["rules"])
        elif "json" in value:
            yield "morechildren", value["json"]
            yield from objects(value["json"].get("data", {}).get("things"))
        elif "names" in value:
            yield "names", value


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Iterator[str]:
    """The archive of all recorded things; also ill, for its errors."""
    path = tmp_path_factory.mktemp("archive") / "recorded.sqlite"
    import_paths([corpus / "things"], path, lambda _: None)
    with SqliteStore(path) as store, serving(store, ill=True) as url:
        yield url


@pytest.fixture(scope="module")
def replay() -> Iterator[ScriptedReddit]:
    server = ScriptedReddit()
    with server.running():
        yield server


@pytest.fixture(scope="module")
def clients(archive: str, replay: ScriptedReddit) -> Iterator[tuple[praw.Reddit, praw.Reddit]]:
    """PRAW for the replay and for the archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRAW_ALLOW_ENDPOINT_OVERRIDE", "1")
        patch.setattr("prawcore.rate_limit.RateLimiter.delay", lambda _self: None)  # it paces 1,000 in 600 s
        with client(replay.url) as recorded, client(archive) as served:
            yield recorded, served


def client(url: str) -> praw.Reddit:
    return praw.Reddit(
        oauth_url=url,
        reddit_url=url,
        client_id="x",
        client_secret="y",
        user_agent="test:shapes:1 (by /u/nobody)",
        check_for_updates=False,
    )


def ask(reddit: praw.Reddit, exchange: Exchange) -> Json:
    if exchange.method == "POST":
        return reddit.request(method="POST", path=exchange.path, data=exchange.params)
    return reddit.request(method="GET", path=exchange.path or "/", params=exchange.params)


@pytest.fixture(scope="module")
def both(
    clients: tuple[praw.Reddit, praw.Reddit], replay: ScriptedReddit, corpus: Path
) -> tuple[Shapes, Shapes]:
    """What Reddit and the archive answered to the same calls, those that the archive knows things for."""
    recorded, served, answered = Shapes(), Shapes(), 0
    for exchange in exchanges(corpus, *ANSWERED):
        if exchange.status == 200:
            replay.answer = lambda _request, reply=exchange.reply: reply  # type: ignore[misc]
            recorded.add(objects(ask(clients[0], exchange)))
            try:
                served.add(objects(ask(clients[1], exchange)))
                answered += 1
            except (prawcore.NotFound, prawcore.Redirect):
                continue
    assert answered > 250
    return recorded, served


def test_every_kind_is_compared(both: tuple[Shapes, Shapes]) -> None:
    recorded, served = both
    assert set(recorded.types) >= KINDS
    assert set(served.types) == KINDS


def test_what_reddit_always_tells_the_archive_tells(both: tuple[Shapes, Shapes]) -> None:
    recorded, served = both
    missing = {kind: recorded.always[kind] - served.always[kind] for kind in KINDS}
    assert {kind: fields for kind, fields in missing.items() if fields} == {k: set(v) for k, v in ABSENT.items()}


def test_what_the_archive_tells_reddit_tells_so(both: tuple[Shapes, Shapes], corpus: Path) -> None:
    recorded, served = both
    for kind in ("t1", "t2", "t3", "t5"):
        with (corpus / "things" / f"{kind}.jsonl").open(encoding="utf-8") as lines:
            recorded.add(each for line in lines for each in objects(json.loads(line)))
    strange = {
        kind: {field for field, types in fields.items() if not types <= recorded.types[kind][field]}
        for kind, fields in served.types.items()
    }
    assert {kind: fields for kind, fields in strange.items() if fields} == {k: set(v) for k, v in OTHERWISE.items()}
