"""Reddit's refusals, each in the shape it was recorded in, and the failure it becomes."""

import json
from typing import Any

import pytest

from reddit_mcp.errors import Failure, InvalidInput, NotFound, RateLimited, Unavailable, UpstreamError
from reddit_mcp.upstream.reddit_api import response_errors

API = "https://oauth.reddit.com/r/kettles/about?raw_json=1"
TOKEN = "https://www.reddit.com/api/v1/access_token"
HTML = b"<!doctype html>\n<html><head><title>Blocked</title></head></html>"


def refusal(status: int, body: Any = b"", url: str = API, **headers: str) -> Failure | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return response_errors.refusal(status, named, raw, url, "community r/kettles")


def facts(status: int, **more: Any) -> dict[str, Any]:
    return {"message": "words", "error": status, **more}


@pytest.mark.parametrize("url", [API, TOKEN])
def test_200_is_an_answer(url: str) -> None:
    assert refusal(200, url=url) is None


@pytest.mark.parametrize("reason", ["private", "gated", "quarantined"])
def test_hidden_communities(reason: str) -> None:
    failure = refusal(403, facts(403, reason=reason, quarantine_message_html="<p>beware</p>"))
    assert isinstance(failure, NotFound)
    assert failure.data == {"resource": "community r/kettles", "reason": reason}
    assert str(failure).startswith("Community r/kettles is ")


def test_a_banned_community_is_a_404() -> None:
    failure = refusal(404, facts(404, reason="banned"))
    assert isinstance(failure, NotFound)
    assert failure.data["reason"] == "banned"
    assert "banned by Reddit" in str(failure)


@pytest.mark.parametrize("body", [facts(404), {"error": 404}, facts(404, reason="PAGE_NOT_CREATED"), b"", HTML, b"[]"])
def test_404(body: Any) -> None:
    failure = refusal(404, body)
    assert isinstance(failure, NotFound)
    assert failure.data == {"resource": "community r/kettles"}
    assert "check the spelling" in str(failure)


def test_451() -> None:
    assert isinstance(refusal(451, b""), NotFound)


@pytest.mark.parametrize(
    "body", [{"error": 403}, facts(403), facts(403, reason="WIKI_DISABLED"), facts(403, reason=[1])]
)
def test_403_without_a_known_reason(body: Any) -> None:
    failure = refusal(403, body)
    assert isinstance(failure, NotFound)
    assert failure.data == {"resource": "community r/kettles"}
    assert "does not show" in str(failure)


@pytest.mark.parametrize("body", [HTML, b"", b"{cut", b"[" * 100_000])
def test_403_that_is_no_json_is_a_block(body: bytes) -> None:
    failure = refusal(403, body)
    assert isinstance(failure, UpstreamError)
    assert failure.data == {"status_code": 403, "upstream_service": "reddit"}


@pytest.mark.parametrize(
    "location",
    ["https://oauth.reddit.com/subreddits/search?q=kettles", "https://api.reddit.com/subreddits/search.json?q=kettles"],
)
def test_a_missing_community_is_a_redirect_to_the_search(location: str) -> None:
    failure = refusal(302, HTML, location=location)
    assert isinstance(failure, NotFound)
    assert failure.data["resource"] == "community r/kettles"


def test_a_search_for_an_address_nobody_posted_is_a_redirect_to_the_form() -> None:
    failure = refusal(302, b"", location="https://oauth.reddit.com/submit.json?url=https%3A%2F%2Fkettle.example")
    assert isinstance(failure, NotFound)
    assert failure.data["resource"] == "post with this address"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "place", "sentence"),
    [
        ("/r/pots/about", "https://oauth.reddit.com/r/pots/about", "r/kettles is now r/pots; ask for that."),
        ("https://old.reddit.com/r/pots/", "https://old.reddit.com/r/pots/", "r/kettles is now r/pots; ask for that."),
        (
            "https://www.reddit.com/user/tea/?sort=new",
            "https://www.reddit.com/user/tea/?sort=new",
            "Reddit has moved community r/kettles; ask for https://www.reddit.com/user/tea/ instead.",
        ),
        (
            "https://elsewhere.example/x",
            "https://elsewhere.example/x",
            "Reddit has moved community r/kettles; ask for https://elsewhere.example/x instead.",
        ),
        ("/user/tea/submitted", "https://oauth.reddit.com/user/tea/submitted", None),
    ],
)
def test_another_place_is_named(status: int, location: str, place: str, sentence: str | None) -> None:
    failure = refusal(status, b"", location=location)
    assert isinstance(failure, response_errors.Moved)
    assert failure.moved_to == place
    assert failure.data == {"resource": "community r/kettles", "moved_to": place}
    assert sentence is None or str(failure) == sentence


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "javascript:alert(1)",
        "mailto:a@b.example",
        "https://[",
        "https://user:word@elsewhere.example/",
        "/r/x y",
        "/r/\u202epots",
        "/r/" + "x" * 3000,
    ],
)
def test_a_place_that_cannot_be_named(location: str | None) -> None:
    failure = refusal(301, b"", **({} if location is None else {"location": location}))
    assert type(failure) is NotFound
    assert str(failure) == "Reddit has moved community r/kettles and does not say where; search for it."


@pytest.mark.parametrize("status", [304, 305, 306, 399])
def test_what_is_no_redirect_is_trouble(status: int) -> None:
    failure = refusal(status, b"", location="https://www.reddit.com/r/other")
    assert isinstance(failure, UpstreamError)
    assert failure.data["status_code"] == status


@pytest.mark.parametrize("status", [204, 401, 414, 418, 500, 502, 503, 504, 520, 522, 599])
@pytest.mark.parametrize("body", [b"", HTML, facts(500)])
def test_trouble(status: int, body: Any) -> None:
    failure = refusal(status, body)
    assert isinstance(failure, UpstreamError)
    assert failure.data == {"status_code": status, "upstream_service": "reddit"}
    assert str(status) in str(failure)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0.2"}, 1),
        ({"retry_after": "7.2"}, 8),
        ({"x_ratelimit_reset": "388"}, 388),
        ({"retry_after": "5", "x_ratelimit_reset": "388"}, 5),
        ({"retry_after": "soon", "x_ratelimit_reset": "30"}, 30),
        ({"retry_after": "-3"}, 60),
        ({"retry_after": "1e99"}, 60),
        ({"retry_after": "nan"}, 60),
        ({}, 60),
    ],
)
@pytest.mark.parametrize("url", [API, TOKEN])
def test_429(headers: dict[str, str], seconds: int, url: str) -> None:
    failure = refusal(429, HTML, url, **headers)
    assert isinstance(failure, RateLimited)
    assert failure.data == {"limit_type": "reddit_api", "retry_after_seconds": seconds}
    assert f"{seconds} seconds" in str(failure)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (facts(400, explanation="that user does not exist", reason="X"), "that user does not exist"),
        ({"reason": "INVALID_PAGE_NAME", "message": "Bad Request"}, "Bad Request"),
        ({"reason": "ODD"}, "ODD"),
        (b"Bad Request", "no reason given"),
        ({"explanation": 5, "message": None}, "no reason given"),
        ({"explanation": "x" * 5000}, "x" * 200),
    ],
)
def test_400(body: Any, words: str) -> None:
    failure = refusal(400, body)
    assert isinstance(failure, InvalidInput)
    assert str(failure) == f"Reddit did not accept this request: {words}."
    assert failure.data == {"issues": []}


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404])
def test_a_refusing_token_endpoint_means_bad_credentials(status: int) -> None:
    failure = refusal(status, facts(status), TOKEN)
    assert isinstance(failure, Unavailable)
    assert failure.data == {"service": "reddit", "reason": "reddit_credentials"}


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_a_token_endpoint_in_trouble_is_not_about_credentials(status: int) -> None:
    failure = refusal(status, HTML, TOKEN)
    assert isinstance(failure, UpstreamError)
    assert failure.data["status_code"] == status


@pytest.mark.parametrize("header", [None, "", "soon", "nan", "inf", "-1", "0", "86401", "1e9", "10s"])
def test_no_sane_number_of_seconds(header: str | None) -> None:
    assert response_errors.seconds(header) is None


@pytest.mark.parametrize(("header", "value"), [("5", 5.0), ("0.5", 0.5), (" 388 ", 388.0), ("86400", 86_400.0)])
def test_seconds(header: str, value: float) -> None:
    assert response_errors.seconds(header) == value


@pytest.mark.parametrize("reason", response_errors.REASONS)
def test_every_reason_makes_a_sentence(reason: str) -> None:
    failure = response_errors.not_found("user u/tea_lover", reason)
    assert str(failure).startswith("User u/tea_lover ")
    assert str(failure).endswith(".")
    assert failure.data["reason"] == reason
