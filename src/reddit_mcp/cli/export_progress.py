"""How far an export is, on stderr: a moving line on a terminal, a line a page elsewhere, and what came of it."""

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status

Json = dict[str, Any]
CUT = "The source ends the listing here; there is more than it gives."


class ExportProgress:
    """Counts what is written.

    Args:
        output: the file; None for stdout.
    """

    def __init__(self, output: Path | None) -> None:
        console = Console(stderr=True)
        is_alone = output is not None or not sys.stdout.isatty()
        self._status = Status("", console=console) if console.is_terminal and is_alone else None
        self._target = output or "stdout"
        self._records = self._pages = 0
        self._remarks: dict[str, None] = {}

    def page(self, records: int, answer: Json) -> None:
        """A page is written."""
        self._records += records
        self._pages += 1
        metadata = answer["metadata"]
        remarks = (metadata.get("notice"), metadata.get("degraded"), CUT if answer.get("complete") is False else None)
        self._remarks |= dict.fromkeys(filter(None, remarks))
        if self._status:
            self._status.update(self._counted())
            self._status.start()
        else:
            sys.stderr.write(f"{self._counted()}\n")

    def end(self, word: str) -> None:
        """Say what came of it; nothing where nothing was written."""
        if self._status:
            self._status.stop()
        if self._pages:
            lines = (*self._remarks, f"{word}: {self._counted()} in {self._target}")
            sys.stderr.write("".join(f"{line}\n" for line in lines))

    def _counted(self) -> str:
        return f"{_number(self._records, 'record')} of {_number(self._pages, 'page')}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
