"""JSON that is not one value a line: arrays, pretty-printed values, values without anything between them.

Items are read one after the other in bounded memory, whatever encloses them: an array, or an object with the one array
`data` (the form of several APIs). What cannot be read is handed on up to the end of its line, to be counted there.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator

LONGEST = 16 * 1024 * 1024
"""Characters of an item."""

MOST_VALUES = 400_000
"""Objects and lists in an item: more than a thread of 40,000 comments has, and what memory has room for."""

PIECE = 1 << 16
_BETWEEN = re.compile(r"[\s,\[\]}\ufeff\x00]*")
_WRAPPER = re.compile(r'\{\s*"(?:data|posts|comments|items)"\s*:\s*\[')


def has_too_many_values(item: bytes) -> bool:
    """Whether reading an item would take too much memory, however short it is."""
    return item.count(b"{") + item.count(b"[") > MOST_VALUES


def items(read: Callable[[int], bytes], begin: bytes) -> Iterator[bytes | None]:
    """Each item's JSON; None for one that is too long.

    Args:
        read: gives so many further bytes, or none at the end.
        begin: what was read of the file already.
    """
    text = _Text(read, begin)
    while text.skip():
        yield text.item()


class _Text:
    """The part of the text that is in memory."""

    def __init__(self, read: Callable[[int], bytes], begin: bytes) -> None:
        self._read = read
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._scan = json.JSONDecoder().raw_decode
        self._text = self._decode(begin)
        self._at = 0
        self._ended = False

    def skip(self) -> bool:
        """Go to the next item; whether there is one."""
        while True:
            self._at = _end(_BETWEEN, self._text, self._at)
            if wrapper := _WRAPPER.match(self._text, self._at):
                self._at = wrapper.end()
            elif self._at < len(self._text):
                return True
            elif not self._more(PIECE):
                return False

    def item(self) -> bytes | None:
        """The item here, or the rest of the line where it is damaged."""
        size = PIECE
        while True:
            try:
                _, end = self._scan(self._text, self._at)
            except RecursionError:
                return self._rest_of_line()
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > LONGEST:
                    self._rest_of_line()
                    return None
                if not _is_cut(error, self._text) or not self._more(size):
                    return self._rest_of_line()
                size *= 2
            else:
                return self._take(end)

    def _rest_of_line(self) -> bytes:
        end = self._text.find("\n", self._at)
        return self._take(end if end > self._at else len(self._text))

    def _take(self, end: int) -> bytes:
        found, self._at = self._text[self._at : end].encode("utf-8", "replace"), end
        return found

    def _more(self, size: int) -> bool:
        """Read on; what lies behind is forgotten."""
        if self._ended:
            return False
        found = self._read(size)
        self._ended = not found
        self._text, self._at = self._text[self._at :] + self._decode(found, final=self._ended), 0
        return not self._ended


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _is_cut(error: json.JSONDecodeError, text: str) -> bool:
    """Whether the text ended too soon, and is not damaged in its middle."""
    return error.pos >= len(text) - 8 or error.msg.startswith("Unterminated string")
