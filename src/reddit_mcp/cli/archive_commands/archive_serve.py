"""`archive serve`: Reddit's own API over an archive."""

import contextlib
import signal
import sys
import threading

from reddit_mcp.archive.archive_location import archive_path
from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.data_source.archive_application import open_archive
from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings


def serve_archive(settings: Settings, port: int, *, ill: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; with `ill` it misbehaves when told to.

    Raises:
        Unavailable: there is no archive, or the port is taken.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with contextlib.ExitStack() as opened:
        store = opened.enter_context(open_archive(archive_path(settings)))
        try:
            url = opened.enter_context(serving(store, port=port, ill=ill))
        except OSError as error:
            raise Unavailable(f"Cannot listen on port {port}: {error.strerror}; choose another with --port.") from error
        sys.stdout.write(f"Reddit's API over an archive at {url}; set REDDIT_OAUTH_URL and REDDIT_URL to it.\n")
        sys.stdout.flush()
        ended.wait()
