"""Nothing that identifies or lets in a person reaches a log line."""

import json
import time
import timeit
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from reddit_mcp.observability.redaction import DEEPEST, LONGEST, pseudonym, redact, text

HIDDEN = [
    ("KEY", "rmcp_Zk9vQ2xR", "the key rmcp_Zk9vQ2xR was refused"),
    ("KEY", "rmcp_allsmallletters", "rmcp_allsmallletters"),
    ("KEY", "rmcp_allsmallletters", "x.rmcp_allsmallletters"),
    ("KEY", "apify_api_Ab12Cd34", "with apify_api_Ab12Cd34."),
    ("KEY", "whsec_MfKQ9r8G", "signed by whsec_MfKQ9r8G"),
    ("TOKEN", "abc.DEF-123~x", "Bearer abc.DEF-123~x"),
    ("TOKEN", "dXNlcjpwYXNz", "basic dXNlcjpwYXNz"),
    ("AUTHORIZATION", "aSecretWord", "{'Authorization': 'aSecretWord'}"),
    ("AUTHORIZATION", "abc", "(b'authorization', b'Bearer abc')"),
    ("JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln back"),
    ("CREDENTIALS", "ada:hunter2", "rediss://ada:hunter2@redis.internal:6379/0"),
    ("CREDENTIALS", ":hunter2", "redis://:hunter2@redis.internal"),
    ("CREDENTIALS", "p@ss", "smtp://ada:p@ss@mail.internal"),
    ("CREDENTIALS", "0123abcd", "https://0123abcd@faults.internal/1"),
    ("PARAMETER", "abcdef", "GET /mcp?token=abcdef HTTP/1.1"),
    ("PARAMETER", "abcdef", "/mcp?a=1&access_token=abcdef&b=2"),
    ("PARAMETER", "abcdef", '{"refresh_token": "abcdef"}'),
    ("SECRET", "hunter2", "password=hunter2"),
    ("SECRET", "correct horse battery", "'passphrase': 'correct horse battery'"),
    ("SECRET", "s3cr3t", "REDDIT_CLIENT_SECRET='s3cr3t'"),
    ("SECRET", "abc123", "X-API-Key: abc123"),
    ("SECRET", "sid=1", "Cookie: sid=1"),
    ("CODE", "q1w2e3", "/auth/reddit/callback?state=q1w2e3"),
    ("QUERY", "my+illness", "/search?limit=5&q=my+illness"),
    ("EMAIL", "ada.l+x@mail.example.org", "mail ada.l+x@mail.example.org now"),
    ("EMAIL", "ada%40example.org", "to=ada%40example.org"),
    ("USER", "u/ada_99", "no user u/ada_99 here"),
    ("USER", "/u/Ada-99", "(by /u/Ada-99)"),
    ("USER", "user/ada", "https://www.reddit.com/user/ada/about"),
    ("USER", "r/u_ada", "/r/u_ada/hot"),
    ("IP", "203.0.113.9", "peer 203.0.113.9:4711 left"),
    ("IP", "203.0.113.9", "it was 203.0.113.9."),
    ("IP", "2001:db8::1", "[2001:db8::1]:443"),
    ("IP", "2001:db8:0:0:1:2:3:4", "from 2001:db8:0:0:1:2:3:4"),
    ("IP", "::1", "from ::1"),
    ("IP", "203.0.113.9", "::ffff:203.0.113.9"),
]
KEPT = [
    "tool_called",
    "6eb44626e8c6477b82c09f848e0b66eb",
    "reddit_mcp.mcp_server.server",
    "the embedded store had ended and was started again: Connection refused",
    "std::vector",
    "12:34:56",
    "aa:bb:cc:dd:ee:ff",
    "9.1.2 of 1.2.3.4.5",
    "999.1.1.1",
    "r/python and /r/python/hot",
    'Bearer realm="reddit-mcp"',
    "a < b",
    "x@y",
]
FIELDS = {
    "password": "SECRET",
    "client_secret": "SECRET",
    "X-API-Key": "SECRET",
    "Set-Cookie": "SECRET",
    "Authorization": "TOKEN",
    "access_token": "TOKEN",
    "email": "EMAIL",
    "ALERT_EMAIL_TO": "EMAIL",
    "username": "USER",
    "author": "USER",
    "client_address": "IP",
    "query": "QUERY",
    "arguments": "QUERY",
}


@pytest.mark.parametrize(("kind", "secret", "line"), HIDDEN)
def test_each_shape_leaves_its_kind_behind(kind: str, secret: str, line: str) -> None:
    seen = text(line)
    assert secret not in seen
    assert f"[REDACTED:{kind}]" in seen


@pytest.mark.parametrize("line", KEPT)
def test_ordinary_words_stay(line: str) -> None:
    assert text(line) == line


def test_a_real_fernet_token_is_hidden() -> None:
    token = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    assert text(f"kept {token}") == "kept [REDACTED:FERNET]"


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_hidden_for_its_name(name: str) -> None:
    assert redact(None, "", {name: "anything at all"}) == {name: f"[REDACTED:{FIELDS[name]}]"}


def test_numbers_and_flags_stay_whatever_their_name() -> None:
    event = {"tokens": 3, "password": None, "user": True, "secret": 1.5}
    assert redact(None, "", event) == event


def test_the_time_and_the_level_are_not_looked_at() -> None:
    event = {"timestamp": "2026-01-01T10:20:30.123456Z", "level": "info"}
    assert redact(None, "", event) == event


class Odd:
    """A thing whose repr tells a secret."""

    def __repr__(self) -> str:
        return "<Odd password=hunter2, ...>"


class Broken:
    """A thing without a repr."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def test_things_of_any_type_become_text() -> None:
    event = redact(None, "", {"thing": Odd(), "broken": Broken(), "raw": b"u/ada", "error": ValueError("u/ada")})
    assert event == {
        "thing": "<Odd password=[REDACTED:SECRET], ...>",
        "broken": "<Broken>",
        "raw": "[REDACTED:USER]",
        "error": "ValueError('[REDACTED:USER]')",
    }


def test_names_of_fields_are_looked_at_too() -> None:
    assert redact(None, "", {"by": {"u/ada": 1, 5: "u/ada"}}) == {"by": {"[REDACTED:USER]": 1, "5": "[REDACTED:USER]"}}


def test_a_ring_of_lists_ends() -> None:
    ring: list[Any] = ["u/ada"]
    ring.append(ring)
    assert "ada" not in json.dumps(redact(None, "", {"ring": ring}))


@settings(deadline=None)
@given(
    st.sampled_from(HIDDEN),
    st.recursive(
        st.just("SLOT"),
        lambda inner: st.one_of(
            st.lists(st.one_of(inner, st.integers(), st.none()), min_size=1),
            st.tuples(inner, inner),
            st.dictionaries(st.just("SLOT") | st.text("xyz", min_size=1), inner, min_size=1),
            st.builds(lambda value: {"nested": {"list": [value]}}, inner),
        ),
        max_leaves=DEEPEST * 3,
    ),
)
def test_no_secret_survives_at_any_place(example: tuple[str, str, str], shape: Any) -> None:
    _, secret, line = example
    assert secret not in json.dumps(redact(None, "", {"facts": _filled(shape, line)}), ensure_ascii=False)


def _filled(shape: Any, line: str) -> Any:
    if isinstance(shape, dict):
        return {_filled(key, line): _filled(value, line) for key, value in shape.items()}
    if isinstance(shape, list | tuple):
        return [_filled(value, line) for value in shape]
    return line if shape == "SLOT" else shape


@settings(deadline=None)
@given(st.text(), st.sampled_from(HIDDEN), st.text())
def test_no_secret_survives_between_other_words(before: str, example: tuple[str, str, str], after: str) -> None:
    _, secret, line = example
    assert secret not in text(f"{before} {line} {after}").replace(before, "").replace(after, "")


@settings(deadline=None)
@given(st.text())
def test_redacting_twice_changes_nothing(line: str) -> None:
    once = text(line)
    assert text(once) == once


def test_a_long_text_is_cut_and_nothing_is_left_of_what_the_cut_parts() -> None:
    url = "redis://ada:hunter2hunter2@redis.internal"
    for start in range(LONGEST - 60, LONGEST + 660, 7):
        seen = text("x" * start + " " + url + "y" * LONGEST)
        assert len(seen) < LONGEST + 600
        assert seen.endswith("[CUT]")
        assert "hunter" not in seen


@pytest.mark.parametrize(
    "unit",
    ["a", "a.", "1.", ":", "a:", "://", "bearer ", "token=", "@", "a@b.", "eyJ", "u/", "%40", " ", "authorization:"],
)
def test_no_text_takes_long(unit: str) -> None:
    line = unit * (LONGEST // len(unit))
    assert timeit.timeit(lambda: text(line), number=1, timer=time.process_time) < 1.0
    assert timeit.timeit(lambda: text("://" + line), number=1, timer=time.process_time) < 1.0


def test_a_pseudonym_is_steady_and_tells_nothing_without_the_secret() -> None:
    first = pseudonym("user:ada", b"one")
    assert first == pseudonym("user:ada", b"one")
    assert len({first, pseudonym("user:ada", b"two"), pseudonym("user:bob", b"one")}) == 3
    assert "ada" not in first
    assert text(first) == first
