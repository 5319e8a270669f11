"""`archive serve`: Reddit's own API over an archive."""

import signal
import sys
import threading

from reddit_mcp.archive.home import archive_path
from reddit_mcp.archive.server import serving
from reddit_mcp.archive.sqlite import SqliteStore
from reddit_mcp.settings import Settings


def serve_archive(settings: Settings, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with serving(SqliteStore(archive_path(settings)), port=port) as url:
        sys.stdout.write(f"Reddit's API over an archive at {url}; set REDDIT_OAUTH_URL and REDDIT_URL to it.\n")
        sys.stdout.flush()
        ended.wait()
