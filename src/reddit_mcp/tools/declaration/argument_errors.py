"""Refusals that only the tool itself can decide, in the shape of every other argument error."""

from collections.abc import Callable
from typing import TypeVar

from pydantic_core import PydanticCustomError

from reddit_mcp.errors import InvalidInput

T = TypeVar("T")


def argument_error(field: str, message: str, allowed: str) -> InvalidInput:
    """One field's refusal: `message` continues the field's name as a sentence."""
    issue = {"field": field, "message": message, "allowed": allowed}
    return InvalidInput(f"{field} {message}; allowed: {allowed}.", issues=[issue])


def checked(parse: Callable[[str], T], field: str, text: str, allowed: str) -> T:
    """The parsed text.

    Raises:
        InvalidInput: the text is not what `parse` takes.
    """
    try:
        return parse(text)
    except PydanticCustomError as error:
        raise argument_error(field, error.message(), allowed) from None
    except ValueError as error:
        raise argument_error(field, str(error), allowed) from None
