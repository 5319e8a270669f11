"""A Source of few words: the tools over answers that a test writes down."""

from typing import Any, TypeVar

from reddit_mcp.models import Value
from reddit_mcp.upstream.reddit_api.parsing import parse
from reddit_mcp.upstream.source import Answer, Query
from tests.support.reddit_shapes import listing, t3
from tests.support.tools_in_process import call, server_over

T = TypeVar("T", bound=Value)
Json = Any
HAPPY, ANGRY = "I love this wonderful kettle, it is great!", "I hate this awful kettle, it is terrible!"


class Scripted:
    """A Source that answers by path; a callable answers each time anew."""

    def __init__(self, answers: dict[str, Json], **facts: Any) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._answers = answers
        self._facts = facts

    async def fetch(self, query: Query[T]) -> Answer[T]:
        self.asked.append((query.path, dict(query.params)))
        found = self._answers[query.path]
        if callable(found):
            found = await found()
        return Answer(parse(query.model, found), calls=1, ttl=query.ttl, **self._facts)


async def asked(answers: dict[str, Json], tool: str, **arguments: Json) -> Json:
    return await call(server_over(Scripted(answers)), tool, **arguments)


def titled(*titles: str, **fields: Json) -> Json:
    return listing(*(t3(f"p{number}", title=title, **fields) for number, title in enumerate(titles)))
