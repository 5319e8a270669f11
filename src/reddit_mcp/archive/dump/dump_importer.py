"""Importing dumps: batches of lines into an archive, with an account of what was not taken."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from reddit_mcp.archive.dump.dump_files import LONGEST, UNREADABLE, DumpFile, dump_files
from reddit_mcp.archive.dump.dump_lines import Thing, parsed, things
from reddit_mcp.archive.dump.escaping import majority, told_by
from reddit_mcp.archive.dump.parquet_file import NoParquetError, ParquetFile, is_parquet
from reddit_mcp.archive.sqlite.archive_writer import Writer

_BATCH = 2_000  # things, and lines without any, in one transaction
_HEAD = 100  # lines without a single thing that make a file no dump
_EXAMPLES = 20
_CHUNK = 500  # lines that are looked at together
_TELLING = (b"&", b"<", b">", rb"\u00")
_TABLES = {"t1": "comment", "t2": "account", "t3": "post", "t5": "community"}


class DumpError(Exception):
    """The archive cannot be written: the disk is full, or the file is no archive; or something is not installed.

    What was committed before stays.
    """


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that holds nothing to take. `line` counts from 1."""

    path: Path
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is no dump, or a file or folder that cannot be opened."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the import is in one file; `position` and `size` are bytes on disk, `lines` counts all files."""

    path: Path
    position: int
    size: int
    lines: int


@dataclass(slots=True)
class Report:
    """What an import did. `read` counts the things in the lines by kind, `added` those new to the archive."""

    lines: int = 0
    read: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    bad_lines: int = 0
    examples: list[BadLine] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        """How many things the archive had already, from earlier lines or an earlier import."""
        return self.read.total() - self.added.total()


def import_paths(
    paths: Iterable[Path], db: Path, progress: Callable[[Progress], None], *, comment_index: bool = True
) -> Report:
    """Import dump files, and those in folders, into the archive at `db`; `progress` is told after every batch.

    Lines go in as upserts that keep the newer version (see Writer), file by file in the order of their names. So an
    import that was interrupted, even by a kill, is completed by running it again, and ends with the same archive.

    An import leaves the archive with an index over all its comments, or without one where that is not wanted.

    Raises:
        DumpError: the archive cannot be written, for example because the disk is full, or a Parquet file is among the
            dumps and what reads it is not installed.
    """
    report = Report()
    with _writing(db), _writer(db, comment_index=comment_index) as writer:
        before = _stored(db)
        importer = _Importer(writer, report, progress)
        for path in dump_files(list(paths), importer.unreadable):
            importer.take(path)
        report.added = _stored(db) - before
    return report


@contextmanager
def _writing(db: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DumpError(f"cannot write the archive {db}: {error}") from error


def _writer(db: Path, *, comment_index: bool) -> Writer:
    try:
        return Writer(db, comment_index=comment_index)
    except ValueError as error:
        raise DumpError(str(error)) from error


def _stored(db: Path) -> Counter[str]:
    """How many things of each kind the archive has; an account or community known only by name is none."""
    with closing(sqlite3.connect(db)) as reader:
        counts = {
            kind: reader.execute(f"SELECT count(*) FROM {table} WHERE data IS NOT NULL").fetchone()[0]  # noqa: S608
            for kind, table in _TABLES.items()
        }
    return Counter(counts)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line read: its number, its things, and why it has none or not all."""

    number: int
    things: list[Thing]
    reason: str = ""


class _Importer:
    """One import under way."""

    def __init__(self, writer: Writer, report: Report, progress: Callable[[Progress], None]) -> None:
        self._writer = writer
        self._report = report
        self._progress = progress

    def take(self, path: Path) -> None:
        """Import one file, if it is a dump."""
        try:
            file = ParquetFile(path) if is_parquet(path) else DumpFile(path)
        except OSError as error:
            self._skip(path, error.strerror or str(error))
            return
        except NoParquetError as error:
            raise DumpError(str(error)) from error
        with closing(file):
            self._take_lines(path, file)

    def unreadable(self, error: OSError) -> None:
        """Report a folder that cannot be read."""
        self._skip(Path(error.filename), error.strerror or str(error))

    def _take_lines(self, path: Path, file: DumpFile | ParquetFile) -> None:
        lines = _lines(file)
        head = _head(lines)
        if not head or not head[-1].things:
            self._skip(path, f"no Reddit dump: {head[0].reason}" if head else "empty")
            return
        self._report.files.append(path)
        for batch in _batches(chain(head, lines)):
            self._store(path, batch)
            self._progress(Progress(path, file.position, file.size, self._report.lines))

    def _store(self, path: Path, batch: list[_Line]) -> None:
        found = [thing for line in batch for thing in line.things]
        self._writer.add(found)
        self._report.lines += len(batch)
        self._report.read.update(kind for kind, _ in found)
        bad = [BadLine(path, line.number, line.reason) for line in batch if line.reason]
        self._report.bad_lines += len(bad)
        self._report.examples += bad[: max(_EXAMPLES - len(self._report.examples), 0)]

    def _skip(self, path: Path, reason: str) -> None:
        self._report.skipped.append(Skipped(path, reason))


def _lines(file: Iterable[bytes | None]) -> Iterator[_Line]:
    """The lines that are not blank, read. A file that breaks off ends with a bad line which says so."""
    number, around = 0, None
    for chunk in _chunks(file):
        told = majority(found for found in map(_shown, chunk) if found is not None)
        around = around if told is None else told
        for line in chunk:
            number += 1
            if isinstance(line, Exception):
                yield _Line(number, [], f"the file is damaged from here on: {_said(line)}")
            elif line is None:
                yield _Line(number, [], f"longer than {LONGEST} bytes")
            elif not line.isspace():
                yield _read(number, line, around)


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _chunks(file: Iterable[bytes | None]) -> Iterator[list[bytes | Exception | None]]:
    """Some lines at a time, with what ended the file too early as the last of them."""
    chunk: list[bytes | Exception | None] = []
    size = 0
    try:
        for line in file:
            chunk.append(line)
            size += len(line or b"")
            if len(chunk) >= _CHUNK or size >= LONGEST:
                yield chunk
                chunk, size = [], 0
    except UNREADABLE as error:
        chunk.append(error)
    yield chunk


def _shown(line: bytes | Exception | None) -> bool | None:
    """Whether a line shows that its text is escaped, or not."""
    if not isinstance(line, bytes) or not any(mark in line for mark in _TELLING):
        return None
    try:
        found, _ = parsed(line)
    except ValueError:
        return None
    return told_by(line, found)


def _read(number: int, line: bytes, around: bool | None) -> _Line:
    try:
        found = things(line, around)
        _, unnamed = parsed(line) if b"[" in line else ([], 0)
    except ValueError as error:
        return _Line(number, [], str(error))
    return _Line(number, found, f"{unnamed} things in it have no id" if unnamed else "")


def _head(lines: Iterator[_Line]) -> list[_Line]:
    """The lines up to the first with a thing in it. The last has none if the file is no dump."""
    head: list[_Line] = []
    for line in islice(lines, _HEAD):
        head.append(line)
        if line.things:
            break
    return head


def _batches(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Lines by the transaction: a whole thread in one line counts as what it holds."""
    batch: list[_Line] = []
    weight = 0
    for line in lines:
        batch.append(line)
        weight += max(len(line.things), 1)
        if weight >= _BATCH:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
