"""Where a listing's pages stand in it, for Reddit ends a listing near 1,000 things and does not say so."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from reddit_mcp.upstream.source import SourceName

Json = dict[str, Any]

CAPS: dict[SourceName, int] = {"reddit": 950, "archive": 1000, "sample": 1000}
"""Things after which a listing ends because it is cut.

Reddit takes 1,000 and leaves out what was removed since, so that a listing that is cut shows somewhat fewer.
"""

MOST_CURSORS = 10_000


class ListingPositions:
    """How many things came before each cursor that this process handed out, of the latest 10,000."""

    def __init__(self) -> None:
        self._before: OrderedDict[Hashable, int] = OrderedDict()

    def ending(self, listing: Hashable, after: str, shown: int, cursor: str | None, source: SourceName) -> Json:
        """`complete: false` for the last page of a listing that was cut; nothing where it was not, or nobody knows.

        Args:
            listing: what is listed, and in which order.
            after: the cursor that the page begins at; empty for the first.
            shown: things on the page.
            cursor: the cursor of the next page.
            source: who gave it.
        """
        before = self._before.get((listing, after)) if after else 0
        if before is None or source not in CAPS:
            return {}
        if cursor:
            self._note((listing, cursor), before + shown)
            return {}
        return {"complete": False} if before + shown >= CAPS[source] else {}

    def _note(self, cursor: Hashable, before: int) -> None:
        self._before[cursor] = before
        self._before.move_to_end(cursor)
        if len(self._before) > MOST_CURSORS:
            self._before.popitem(last=False)
