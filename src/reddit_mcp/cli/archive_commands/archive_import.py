"""`archive import`: Reddit dumps into an archive, with progress on a terminal and plain lines elsewhere."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from reddit_mcp.archive import dump
from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings

Watch = Callable[[dump.Progress], None]
PLAIN_STEP = 100_000
KINDS = {"t3": "posts", "t1": "comments", "t2": "users", "t5": "communities"}


def import_archive(settings: Settings, paths: Sequence[Path], db: Path | None, *, comment_index: bool = True) -> int:
    """Import the dumps; 1 when nothing at all was read.

    Raises:
        Unavailable: the archive cannot be written.
    """
    target = db or settings.archive_db or settings.data_dir / "archive.sqlite"
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _progress() as watch:
            report = dump.import_paths(paths, target, watch, comment_index=comment_index)
    except (dump.DumpError, OSError) as error:
        raise Unavailable(f"The import into {target} stopped: {error}") from error
    sys.stdout.write(_summary(report, target))
    return 0 if report.read else 1


@contextlib.contextmanager
def _progress() -> Iterator[Watch]:
    if not sys.stdout.isatty():
        yield _plain()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[lines]:,} lines"))
    with Progress(*columns, TimeRemainingColumn()) as bars:
        yield _drawn(bars)


def _drawn(bars: Progress) -> Watch:
    tasks: dict[Path, TaskID] = {}

    def watch(progress: dump.Progress) -> None:
        if progress.path not in tasks:
            tasks[progress.path] = bars.add_task(progress.path.name, total=progress.size, lines=0)
        bars.update(tasks[progress.path], completed=progress.position, lines=progress.lines)

    return watch


def _plain() -> Watch:
    told = 0

    def watch(progress: dump.Progress) -> None:
        nonlocal told
        if progress.lines - told >= PLAIN_STEP:
            told = progress.lines
            sys.stdout.write(f"{progress.path.name}: {progress.position} of {progress.size} bytes, {told} lines\n")
            sys.stdout.flush()

    return watch


def _summary(report: dump.Report, target: Path) -> str:
    read = ", ".join(f"{report.read[kind]} {name}" for kind, name in KINDS.items())
    lines = [f"{report.lines} lines of {len(report.files)} files read into {target}: {read}"]
    lines.append(f"{sum(report.added.values())} new, {report.duplicates} seen before, {report.bad_lines} bad lines")
    lines += [f"  bad: {bad.path}:{bad.line}: {bad.reason}" for bad in report.examples]
    lines += [f"  skipped: {skipped.path}: {skipped.reason}" for skipped in report.skipped]
    return "\n".join(lines) + "\n"
