"""The parameter types that tools share: what a model may send, said once."""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from reddit_mcp.upstream.reddit_api import identifiers

INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Zero-width characters, direction overrides and tags: nobody sees them, so nobody can mean them."""

LONGEST = 2_048
"""Characters of the longest text that an argument may be; what is longer is refused by its type, unseen."""

TAG = re.compile(
    r"</?(?:script|iframe|object|embed|svg|style|link|meta|base|form)(?=[\s/>])[^<>]*>"
    r"|<[a-z][^<>]*(?:[\s/\"']on[a-z]+\s*=|javascript\s*:)[^<>]*>",
    re.IGNORECASE,
)
"""Elements that do something, and any element that is made to; prose about HTML is legal."""

INJECTION = re.compile(
    r"""['"]\s*;\s*(?:drop|delete|insert|update|alter|truncate|create|exec|union|select)\b|;\s*--\s*$|/\*.*\*/""",
    re.IGNORECASE | re.DOTALL,
)


def clean(text: object) -> object:
    """Remove what cannot be seen; what is no text, or too long for any argument, is left for the type to refuse."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return text
    seen = INVISIBLE.sub("", text)
    return "".join(char for char in seen if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")).strip()


def harmless(text: str) -> str:
    """Refuse markup and injection shapes; ordinary search syntax, and prose about SQL and HTML, pass unchanged.

    Raises:
        PydanticCustomError: the text carries such a shape.
    """
    if TAG.search(text):
        raise PydanticCustomError("refused", "must not contain HTML that runs or loads something, such as <script>")
    if INJECTION.search(text):
        raise PydanticCustomError("refused", "must not contain SQL fragments such as '; DROP or /* */")
    return text


def _named(parse: Callable[[str], str], *, optional: bool = False) -> AfterValidator:
    def check(text: str) -> str:
        if optional and not text:
            return ""
        try:
            return parse(text)
        except ValueError as error:
            raise PydanticCustomError("name", "{reason}", {"reason": str(error)}) from None

    return AfterValidator(check)


NAME_LENGTH = 300

QueryText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description='Words; "exact phrase", title:x, author:x, AND, OR, NOT work',
    ),
    BeforeValidator(clean),
    AfterValidator(harmless),
]
Community = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LENGTH, description="Community name, such as python or r/python"),
    BeforeValidator(clean),
    _named(identifiers.community),
]
Communities = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LENGTH, description="One, several (a+b), all or popular"),
    BeforeValidator(clean),
    _named(identifiers.communities),
]
OptionalCommunity = Annotated[
    str,
    Field(max_length=NAME_LENGTH, description="Only this community, or several (a+b)"),
    BeforeValidator(clean),
    _named(identifiers.communities, optional=True),
]
UserName = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LENGTH, description="User name, such as spez or u/spez"),
    BeforeValidator(clean),
    _named(identifiers.user),
]
PostRef = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LENGTH, description="Post id (1abc2d or t3_1abc2d) or the post's address"),
    BeforeValidator(clean),
]
CommentRef = Annotated[
    str,
    Field(max_length=NAME_LENGTH, description="Comment id or address: show only the branch below it"),
    BeforeValidator(clean),
    _named(identifiers.comment, optional=True),
]
After = Annotated[
    str,
    Field(max_length=100, pattern=r"^[A-Za-z0-9_-]*$", description="`after` of the page before"),
    BeforeValidator(clean),
]
PageLimit = Annotated[int, Field(ge=1, le=100, description="How many to return")]
TimeFilter = Annotated[Literal["hour", "day", "week", "month", "year", "all"], Field(description="How far back")]
Since = Annotated[
    str,
    Field(max_length=40, description="From this ISO 8601 date or time, or epoch seconds; replaces time_filter"),
    BeforeValidator(clean),
]
Until = Annotated[
    str,
    Field(max_length=40, description="Before this one"),
    BeforeValidator(clean),
]
Detail = Annotated[
    Literal["concise", "full"],
    Field(description="concise cuts long text"),
]
