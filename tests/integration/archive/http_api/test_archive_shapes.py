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
from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.recorded_reddit import Exchange, exchanges
from tests.support.scripted_reddit import ScriptedReddit

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

_COLUMNS = """
    approved_by archived author author_flair_text banned_by clicked created gilded hidden likes media media_embed
    mod_reports num_reports report_reasons saved secure_media secure_media_embed selftext_html stickied user_reports
    visited
""".split()
_OF_A_COMMUNITY = """
    accounts_active banner_img banner_size collapse_deleted_comments comment_score_hide_mins created created_utc
    description description_html header_img header_size header_title hide_ads icon_img icon_size over18
    public_description public_description_html public_traffic submission_type submit_link_label submit_text
    submit_text_html submit_text_label subreddit_type subscribers title user_is_banned user_is_contributor
    user_is_moderator user_is_subscriber user_sr_theme_enabled
""".split()
_OF_AN_ACCOUNT = """
    comment_karma created created_utc has_verified_email hide_from_robots id is_friend is_gold is_mod link_karma
""".split()

ABSENT: dict[str, Fields] = {
    "t2": dict.fromkeys(_OF_AN_ACCOUNT, USER_BY_NAME),
    "t3": dict.fromkeys(_COLUMNS, TABLE_OF_2013) | dict.fromkeys(("subreddit", "subreddit_id"), ADVERTISEMENT),
    "t5": dict.fromkeys(_OF_A_COMMUNITY, PLACE_BY_NAME),
}
"""Fields that every recorded thing of a kind has and some of the archive's lack, with the reason."""


class Shapes:
    """The things met, by kind: which fields all of them have, and the types of each field."""

    def __init__(self) -> None:
        self.types: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.always: dict[str, set[str]] = {}

    def add(self, found: Iterable[tuple[str, Json]]) -> None:
        for kind, data in found:
            if str(data.get("title")).startswith("[This post is not in this archive"):
                continue  # the archive's own words, of which Reddit knows nothing
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


def ruled(corpus: Path) -> Iterator[Json]:
    """The communities whose rules were recorded, as dumps of communities carry these; all else is another's."""
    with (corpus / "things" / "t5.jsonl").open(encoding="utf-8") as lines:
        community = json.loads(next(lines))["data"]
    for each in exchanges(corpus, "sub_rules"):
        yield {
            "kind": "t5",
            "data": {**community, "display_name": each.path.split("/")[2], "rules": each.json["rules"]},
        }


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Iterator[str]:
    """The archive of all recorded things; also ill, for its errors."""
    folder = tmp_path_factory.mktemp("archive")
    path, dump = folder / "recorded.sqlite", folder / "ruled.jsonl"
    dump.write_text("\n".join(json.dumps(each) for each in ruled(corpus)), "utf-8")
    import_paths([corpus / "things", dump], path, lambda _: None)
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
    return reddit.request(method="GET", path=exchange.path or "/", params={**exchange.params})


@pytest.fixture(scope="module")
def both(clients: tuple[praw.Reddit, praw.Reddit], replay: ScriptedReddit, corpus: Path) -> tuple[Shapes, Shapes]:
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
    (recorded, served), stored = both, Shapes()
    for kind in ("t1", "t2", "t3", "t5"):
        with (corpus / "things" / f"{kind}.jsonl").open(encoding="utf-8") as lines:
            stored.add(each for line in lines for each in objects(json.loads(line)))
    strange = {
        kind: {
            field
            for field, types in fields.items()
            if not types <= recorded.types[kind][field] | stored.types[kind][field]
        }
        for kind, fields in served.types.items()
    }
    assert {kind: fields for kind, fields in strange.items() if fields} == {}


# Refusals


def refused(corpus: Path, status: int, path: str, **facts: str) -> Exchange:
    """A recorded refusal: by its status, the start of its path, and facts in its body."""
    recorded = exchanges(corpus, "errors_and_redirects", "quoted_errors")
    fitting = (
        each
        for each in recorded
        if each.status == status
        and each.path.startswith(path)
        and each.reply.content
        and facts.items() <= (each.json or {}).items()
    )
    return next(fitting)


@pytest.mark.parametrize(
    ("status", "recorded", "facts", "path"),
    [
        (404, "/comments/", {}, "/comments/zzzzzz"),
        (404, "/user/", {}, "/user/nobody_of_this_name/about"),
        (302, "/r/praw_", {}, "/r/no_place_of_this_name/new"),
        (401, "/new", {}, "/r/ill_401/new"),
        (403, "/r/", {"reason": "private"}, "/r/ill_private/hot"),
        (403, "/r/", {"reason": "gated"}, "/r/ill_gated/about"),
        (403, "/r/", {"reason": "quarantined"}, "/r/ill_quarantined/top"),
        (404, "/r/", {"reason": "banned"}, "/r/ill_banned/hot"),
        (403, "/r/funny", {}, "/r/ill_blocked/top"),
        (429, "/api/v1/me", {}, "/r/ill_429/hot"),
        (500, "/api/live", {}, "/r/ill_500/hot"),
        (503, "/api/submit", {}, "/r/ill_503_html/hot"),
    ],
)
def test_refusals(archive: str, corpus: Path, status: int, recorded: str, facts: dict[str, str], path: str) -> None:
    """The same status, kind of body, fields and types; the headers that clients go by; no sentence of Reddit's."""
    exchange = refused(corpus, status, recorded, **facts)
    answer = httpx.get(archive + path, headers={"authorization": "bearer x"}, trust_env=False)
    assert answer.status_code == status
    assert kinds(answer.content) == kinds(exchange.reply.content)
    told = {"retry-after", "www-authenticate"} & exchange.reply.headers.keys()
    assert told <= answer.headers.keys()
    if status == 302:
        place = exchange.reply.headers["location"].replace(".json", "")
        assert place.split("?")[0].endswith(answer.headers["location"].split("?")[0])


def kinds(body: bytes) -> dict[str, str] | str:
    """The types of a JSON body's fields, or what it is instead."""
    try:
        return {field: type(value).__name__ for field, value in json.loads(body).items()}
    except ValueError:
        return "HTML" if b"<html" in body else "text"
