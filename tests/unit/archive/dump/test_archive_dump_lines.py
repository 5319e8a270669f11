"""Dump lines: every shape that they come in."""

from typing import Any

import pytest

from reddit_mcp.archive.dump.dump_lines import things
from tests.support.dump_import import Data, comment, line, post, thread, wrapped


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (comment(), "t1"),
        (comment(name="t1_c00001"), "t1"),
        ({"id": "c1", "body": "x", "parent_id": "t1_b"}, "t1"),
        (post(), "t3"),
        ({"id": "p1", "title": "x", "url": "https://example.com"}, "t3"),
        ({"id": "p1", "name": "t3_p1"}, "t3"),
        ({"name": "someone", "link_karma": 1}, "t2"),
        ({"name": "t3_someone", "comment_karma": 1}, "t2"),
        ({"name": "someone", "is_suspended": True}, "t2"),
        ({"display_name": "tea", "title": "Tea", "url": "/r/tea/"}, "t5"),
        (wrapped("t1", comment()), "t1"),
        (wrapped("t3", {"id": "p1"}), "t3"),
        (wrapped("t2", {"name": "someone"}), "t2"),
        (wrapped("t5", {"display_name": "tea"}), "t5"),
    ],
)
def test_the_kind_is_told_from_wrapper_name_or_fields(data: Data, kind: str) -> None:
    assert [found for found, _ in things(line(data))] == [kind]


@pytest.mark.parametrize("value", [thread(), {"response": thread(), "thread": "t3_p00001"}])
def test_a_whole_thread_is_taken_apart(value: Any) -> None:
    found = things(line(value))
    assert [(kind, data["id"]) for kind, data in found] == [
        ("t3", "p00001"), ("t1", "c00002"), ("t1", "c00003"), ("t1", "c00004"),
    ]  # fmt: skip
    assert [data["replies"] for kind, data in found if kind == "t1"] == ["", "", ""]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"nonsense", "not JSON"),
        (b'{"id": ' + b"9" * 5_000 + b"x}", "not JSON"),
        (b'{"id": 1', "not JSON"),
        (b"17", "no Reddit thing in it"),
        (b"{}", "no Reddit thing in it"),
        (b'{"kind": "t4", "data": {"id": "a", "body": "mail"}}', "no Reddit thing in it"),
        (b'{"kind": "t1", "data": null}', "no Reddit thing in it"),
        (b'{"kind": "Listing", "data": {"children": null}}', "no Reddit thing in it"),
        (b'{"kind": "t1", "data": {"body": "no id", "link_id": "t3_a"}}', "no Reddit thing in it"),
        (b'{"title": "no id", "url": ""}', "no Reddit thing in it"),
        (b"[" * 50_000 + b"]" * 50_000, "nested too deeply"),
    ],
)
def test_a_line_without_a_thing_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        things(raw)


def test_damaged_text_is_no_reason_to_lose_a_line() -> None:
    (_, half), (_, broken) = things(b'{"id":"c1","body":"\\ud83d","link_id":"t3_a"}') + things(
        b'{"id":"c2","body":"caf\xe9","link_id":"t3_a"}'
    )
    assert half["body"] == "\ud83d"
    assert broken["body"] == "caf\ufffd"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (comment(body="a &lt; b &amp;amp;", body_html="&lt;p&gt;a &amp;lt; b&lt;/p&gt;"), "a < b &amp;"),
        (comment(body="a &lt; b", body_html="<p>a &amp;lt; b</p>"), "a &lt; b"),
        (comment(body="&gt; quote", body_html=None), "> quote"),
        (comment(body="R&amp;D"), "R&D"),
        (comment(body="I typed &lt; for <"), "I typed &lt; for <"),
        (comment(body="AT&T and &lt;"), "AT&T and &lt;"),
        (comment(body="fish & chips"), "fish & chips"),
    ],
)
def test_text_is_unescaped_once_where_reddit_escaped_it(data: Data, body: str) -> None:
    assert things(line(data))[0][1]["body"] == body


def test_a_signed_image_url_tells_that_a_line_is_escaped() -> None:
    images = {"images": [{"source": {"url": "https://preview.redd.it/a.png?width=1&amp;s=0f"}}]}
    data = things(line(post(title="Q &amp; A <", preview=images)))[0][1]
    assert data["title"] == "Q & A <"
    assert data["preview"]["images"][0]["source"]["url"].endswith("?width=1&s=0f")


def test_escapes_that_other_encoders_write_are_understood() -> None:
    raw = b'{"id":"c1","link_id":"t3_a","body":"1 \\u0026lt; 2 <","body_html":"\\u0026lt;p\\u0026gt;"}'
    assert things(raw)[0][1]["body"] == "1 < 2 <"
