"""What costs money, by its name in the Actor's pricing (.actor/pay_per_event.json)."""

from collections.abc import Mapping
from typing import Any

TOOL_CALL = "tool-call"
COMMENTS_EXPANDED = "comments-expanded"
WATCH_MATCH = "watch-match"

EVENTS = (TOOL_CALL, COMMENTS_EXPANDED, WATCH_MATCH)


def foreseen(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """What a call with these arguments may cost, matches aside; they may still prove invalid."""
    return (TOOL_CALL, COMMENTS_EXPANDED) if arguments.get("expand_more") else (TOOL_CALL,)
