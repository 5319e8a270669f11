"""docs/benchmarks.md: each command writes its own section and leaves the others as they are."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

REPORT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
TITLE = "# Benchmarks\n\nEach section is written by the command that it names.\n"


def write(name: str, section: str) -> None:
    """Put the section between its marks."""
    begin, end = f"<!-- benchmark: {name} -->", f"<!-- end: {name} -->"
    before = REPORT.read_text() if REPORT.exists() else TITLE
    text, found = f"{begin}\n{section}\n{end}", re.compile(f"{begin}.*?{end}", re.DOTALL)
    after = found.sub(lambda _: text, before) if found.search(before) else f"{before.rstrip()}\n\n{text}\n"
    REPORT.write_text(after)


def when_and_where() -> str:
    """The day and the machine."""
    return f"{datetime.now(UTC).date()}, {platform.machine()}, Python {platform.python_version()}"


def priority() -> str:
    """What stands before the command where the scheduler keeps the machine's other work out."""
    return "chrt -r 1 " if os.sched_getscheduler(0) == os.SCHED_RR else ""
