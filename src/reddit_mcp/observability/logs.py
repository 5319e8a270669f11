"""Structured logs: one JSON object a line, from our own events and from every library's.

Arguments of calls and texts of Reddit's are never passed to a logger; what slips into a message or a traceback all the
same is taken out by `redaction`, the last step before a line is written.
"""

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

import orjson
import structlog

from reddit_mcp.errors import Unavailable
from reddit_mcp.observability.redaction import redact

DAYS = 30
DAYS_OF_ERRORS = 90
LARGEST_FILE = 1_000_000_000
"""Bytes of lines a day."""

SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(level: str, stream: TextIO | None = None, file: Path | None = None) -> None:
    """Send every log line of this process to `stream` (stdout when None) or to `file`, as JSON.

    A file is rotated at midnight UTC and kept for 30 days; its errors stand in a second one as well, kept for 90.
    Each process wants a file of its own.

    Raises:
        Unavailable: the file cannot be written.
    """
    handlers: Sequence[logging.Handler] = _files(file) if file else [_Lines(stream or sys.stdout)]
    for handler in handlers:
        handler.setFormatter(_formatter())
    root = logging.getLogger()
    replaced, root.handlers[:] = list(root.handlers), handlers
    for handler in replaced:
        handler.close()
    root.setLevel(level)
    _quiet()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return log


@contextlib.contextmanager
def during(**facts: Any) -> Iterator[None]:
    """Put these facts on every line that is logged inside, also by tasks that are started there."""
    with structlog.contextvars.bound_contextvars(**facts):
        yield


def _formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(_json),
        ],
    )


def _json(event: object, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(event, default).decode()
    except TypeError:  # a number of over 64 bits, or half of a surrogate pair
        return json.dumps(event, default=default)


def _files(path: Path) -> Sequence[logging.Handler]:
    errors = path.with_name(f"{path.stem}.errors{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers = (_DailyFile(path, DAYS), _DailyFile(errors, DAYS_OF_ERRORS))
    except OSError as error:
        raise Unavailable(f"LOG_FILE: cannot write {path}: {error.strerror}.") from error
    handlers[1].setLevel(logging.ERROR)
    return handlers


class _Lines(logging.StreamHandler[TextIO]):
    """Lines of JSON; a record that cannot be formatted loses its arguments, which Python would print as they are."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say which logger's line was lost, if the stream still takes it."""
        with contextlib.suppress(OSError, ValueError):
            lost = logging.LogRecord(record.name, logging.ERROR, "", 0, "a log line could not be written", (), None)
            self.stream.write(self.format(lost) + self.terminator)


class _DailyFile(TimedRotatingFileHandler, _Lines):
    """A day's lines, of so many bytes at most: then it says so once, and errors alone are kept until midnight."""

    def __init__(self, path: Path, days: int) -> None:
        super().__init__(path, when="midnight", utc=True, backupCount=days, encoding="utf-8")
        self._full = False

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        """Begin a new day."""
        super().doRollover()
        self._full = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, if there is room for it."""
        if not self._full or record.levelno >= logging.ERROR:
            super().emit(record)
            self._look()

    def _look(self) -> None:
        if not self._full and self.stream and self.stream.tell() >= LARGEST_FILE:
            self._full = True
            told = logging.LogRecord(
                __name__, logging.WARNING, "", 0, "log_file_full: errors alone until midnight", (), None
            )
            super().emit(told)


def _quiet() -> None:
    """Libraries that log a line a request, some with addresses or arguments in it."""
    for name in ("mcp", "sse_starlette", "uvicorn.access", "urllib3", "praw", "prawcore", "httpx", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
