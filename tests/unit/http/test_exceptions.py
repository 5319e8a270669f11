"""The exception tree: one branch for each way to fail, drawn as it is."""

import re

import pytest

from reddit_mcp import errors
from reddit_mcp.errors import Failure
from reddit_mcp.http.bad_request import BadRequest
from reddit_mcp.http.error_responses import STATUS

BRANCHES = [branch for branch in Failure.__subclasses__() if branch.__module__ == errors.__name__]
DRAWN = re.findall(r"^      (\w+) +(-\d+)  (\w+) ", errors.__doc__ or "", re.MULTILINE)


def test_the_drawing_is_the_tree() -> None:
    assert [(branch.__name__, str(branch.code), branch.category) for branch in BRANCHES] == DRAWN


def test_codes_and_types_tell_branches_apart() -> None:
    assert len({branch.code for branch in BRANCHES}) == len({branch.type for branch in BRANCHES}) == len(BRANCHES)


def test_every_branch_has_a_status_for_plain_routes() -> None:
    assert set(STATUS) == {branch.type for branch in BRANCHES}
    assert all(400 <= status < 600 for status in STATUS.values())


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_failure_is_its_sentence_and_the_facts_it_was_given(branch: type[Failure]) -> None:
    failure = branch("The kettle is cold.", resource="kettle", retry_after_seconds=0, reason=None)
    assert str(failure) == "The kettle is cold."
    assert failure.data == {"resource": "kettle", "retry_after_seconds": 0}


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_failure_is_caught_as_one(branch: type[Failure]) -> None:
    with pytest.raises(Failure):
        raise branch("x")


def test_a_bad_request_says_what_http_and_json_rpc_call_it() -> None:
    error = BadRequest(415, "Send JSON.")
    assert (str(error), error.status, error.code) == ("Send JSON.", 415, -32600)
