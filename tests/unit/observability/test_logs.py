"""Every line is one JSON object, wherever it comes from, and carries nobody's secrets."""

import io
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import Any

import pytest
import structlog

from reddit_mcp.errors import Unavailable
from reddit_mcp.observability import logs


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Logging belongs to the process; each test gives it back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    written = io.StringIO()
    logs.configure("INFO", written)
    return written


def lines(written: io.StringIO | Path) -> list[dict[str, Any]]:
    content = written.read_text(encoding="utf-8") if isinstance(written, Path) else written.getvalue()
    return [json.loads(line) for line in content.splitlines()]


def test_our_events_are_flat_json(stream: io.StringIO) -> None:
    logs.logger("reddit_mcp.x").info("tool_called", tool="search_reddit", duration_ms=3)
    (line,) = lines(stream)
    assert datetime.fromisoformat(line.pop("timestamp")) - datetime.now(UTC) < timedelta(minutes=1)
    assert line == {
        "event": "tool_called",
        "tool": "search_reddit",
        "duration_ms": 3,
        "level": "info",
        "logger": "reddit_mcp.x",
    }


def test_other_peoples_lines_are_the_same_json(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("from %s", "203.0.113.9", extra={"password": "hunter2"})
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("from [REDACTED:IP]", "warning", "some.library")


@pytest.mark.parametrize("ours", [True, False])
def test_tracebacks_are_told_without_secrets(stream: io.StringIO, ours: bool) -> None:
    log = logs.logger("x") if ours else logging.getLogger("x")
    try:
        int("redis://ada:hunter2@store for u/ada")
    except ValueError:
        log.exception("crashed")
    (line,) = lines(stream)
    assert "'redis://[REDACTED:CREDENTIALS]@store for [REDACTED:USER]'" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert "hunter2" not in stream.getvalue()


def test_a_line_that_cannot_be_formatted_shows_neither_arguments_nor_a_traceback(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO", stream)  # again, without pytest's own handler, which raises
    logging.getLogger("some.library").error("count %d", "hunter2")
    (line,) = lines(stream)
    assert (line["event"], line["logger"]) == ("a log line could not be written", "some.library")
    assert capsys.readouterr() == ("", "")


def test_a_stream_that_was_closed_hurts_nobody(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    stream.close()
    logs.logger("x").error("nobody_hears")
    assert capsys.readouterr().err == ""


def test_facts_stand_on_every_line_inside_also_on_those_of_libraries(stream: io.StringIO) -> None:
    with logs.during(trace_id="t-1"):
        logs.logger("x").info("inside")
        logging.getLogger("y").warning("too")
        logs.logger("x").info("own", trace_id="t-2")
    logs.logger("x").info("after")
    assert [line.get("trace_id") for line in lines(stream)] == ["t-1", "t-1", "t-2", None]


def test_less_severe_lines_are_left_out(stream: io.StringIO) -> None:
    logs.logger("x").debug("no")
    for name in ("urllib3", "uvicorn.access", "mcp.server", "uvicorn.error"):
        logging.getLogger(name).info("GET /search?q=secret")
    assert stream.getvalue() == ""


def test_lines_go_to_standard_output_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logs.logger("x").info("here")
    assert json.loads(capsys.readouterr().out)["event"] == "here"


def test_a_file_takes_the_lines_and_a_second_one_the_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "deep" / "server.log"
    logs.configure("INFO", file=file)
    logs.logger("x").info("fine")
    logging.getLogger("y").error("token=%s", "abcdef")
    assert [line["event"] for line in lines(file)] == ["fine", "token=[REDACTED:PARAMETER]"]
    assert [line["logger"] for line in lines(file.with_name("server.errors.log"))] == ["y"]
    assert capsys.readouterr() == ("", "")


def test_files_are_rotated_at_midnight_and_kept_for_30_and_90_days(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    logs.configure("INFO", file=file)
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, TimedRotatingFileHandler)]
    for handler, days in zip(handlers, (30, 90), strict=True):
        assert datetime.fromtimestamp(handler.rolloverAt, UTC).strftime("%H:%M:%S") == "00:00:00"
        assert 0 < handler.rolloverAt - time.time() <= 86_400
        _live_through(handler, days + 5)
    names = {path.name for path in tmp_path.iterdir()}
    assert len([name for name in names if name.startswith("server.log.")]) == 30
    assert len([name for name in names if name.startswith("server.errors.log.")]) == 90


def _live_through(handler: TimedRotatingFileHandler, days: int) -> None:
    for day in range(days):
        handler.rolloverAt = int(time.time() - (days - day) * 86_400)
        handler.handle(logging.LogRecord("x", logging.ERROR, "", 0, "a day", (), None))


def test_configuring_again_closes_the_file_before(tmp_path: Path, stream: io.StringIO) -> None:
    logs.configure("INFO", file=tmp_path / "a.log")
    first = logging.getLogger().handlers[0]
    assert isinstance(first, logging.FileHandler)
    logs.configure("INFO", stream)
    assert first.stream is None
    assert len(logging.getLogger().handlers) == 1


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(Unavailable, match=r"^LOG_FILE: cannot write .*server\.log: "):
        logs.configure("INFO", file=tmp_path / "taken" / "server.log")


def test_a_day_s_file_is_bounded_says_so_once_and_keeps_the_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_FILE", 2_000)
    file = tmp_path / "server.log"
    logs.configure("INFO", file=file)
    for number in range(100):
        logs.logger("test").info("a_line", number=number)
    logs.logger("test").error("an_error")
    written = file.read_text(encoding="utf-8")
    assert written.count("log_file_full") == 1
    assert "an_error" in written
    assert len(written) < 3_000
