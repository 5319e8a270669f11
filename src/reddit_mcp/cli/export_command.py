"""`export`: a tool's answers as a file, page after page, from wherever `serve` would answer."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from reddit_mcp.cli.export_arguments import check_tool, read_arguments
from reddit_mcp.cli.export_progress import ExportProgress
from reddit_mcp.cli.shutdown_signals import on_signals
from reddit_mcp.cli.tool_asking import asked
from reddit_mcp.container import open_container
from reddit_mcp.errors import Failure, InvalidInput, Unavailable
from reddit_mcp.export.answer_pages import pages
from reddit_mcp.export.answer_records import records, types
from reddit_mcp.export.record_formats import FORMATS
from reddit_mcp.observability import logs
from reddit_mcp.settings import Settings

Json = dict[str, Any]
INTERRUPTED, CLOSED = 130, 1


def export(settings: Settings, tool: str, words: Sequence[str], form: str, output: Path | None) -> int:
    """Write the file; 2 for a wrong question, 130 when it was interrupted: what is written then is a valid file.

    Raises:
        Failure: an answer cannot be had, or the file cannot be written.
    """
    logs.configure("ERROR", sys.stderr, settings.log.file)
    progress = ExportProgress(output)
    try:
        arguments = read_arguments(words)
        check_tool(tool, arguments)
        asyncio.run(_export(settings, tool, arguments, form, output, progress))
    except InvalidInput as wrong:
        sys.stderr.write(f"mcp-for-reddit: {wrong}\n")
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        progress.end("Stopped")
        return INTERRUPTED
    except Failure:
        progress.end("Stopped")
        raise
    except BrokenPipeError:  # whoever read it has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except OSError as error:
        raise Unavailable(f"{output or 'The output'} cannot be written: {error.strerror}.") from error
    progress.end("Done")
    return 0


async def _export(
    settings: Settings, tool: str, arguments: Json, form: str, output: Path | None, progress: ExportProgress
) -> None:
    task = asyncio.current_task()
    if task is not None:
        on_signals(task.cancel, signal.SIGTERM)
    async with (
        open_container(settings) as server,
        contextlib.aclosing(pages(partial(asked, server.mcp), tool, arguments)) as answers,
    ):
        first = await anext(answers)  # before the file is opened: a wrong question leaves an older one as it is
        with _opened(output) as file:
            written = FORMATS[form](tool, arguments, types(tool, arguments))
            async for answer, is_first in _counted(first, answers):
                found = [*records(tool, arguments, answer, first=is_first)]
                file.write(written.page(found).encode())
                file.flush()
                progress.page(len(found), answer)


async def _counted(first: Json, rest: AsyncIterator[Json]) -> AsyncIterator[tuple[Json, bool]]:
    yield first, True
    async for answer in rest:
        yield answer, False


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        return
    with output.open("wb") as file:
        yield file
