"""What Reddit's API is asked with: the operator's application, or an archive on loopback that looks like Reddit."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.upstream.reddit_api.praw_transport import RedditApplication


@contextlib.contextmanager
def archive_application(settings: Settings, path: Path) -> Iterator[RedditApplication]:
    """An archive, served on loopback as Reddit's API while the body runs.

    Raises:
        Unavailable: there is no file, or one that is no archive.
    """
    with open_archive(path) as store, serving(store) as url:
        oldest, newest = store.span() or (0, 0)
        edition = f"{path} {oldest}-{newest}"
        yield RedditApplication(
            "archive", "archive", settings.reddit.user_agent, url, url, settings.reddit.timeout, edition
        )


def open_archive(path: Path) -> SqliteStore:
    """The archive in a file.

    Raises:
        Unavailable: there is no file, or one that is no archive.
    """
    if not path.is_file():
        raise Unavailable(f"ARCHIVE_DB: there is no archive at {path}; make one with `mcp-for-reddit archive import`.")
    try:
        return SqliteStore(path)
    except ValueError as error:
        raise Unavailable(f"ARCHIVE_DB: {path} is not an archive of this version: {error}") from error


def reddit_application(settings: Settings) -> RedditApplication:
    """The operator's own Reddit application."""
    secret = settings.reddit.client_secret
    return RedditApplication(
        client_id=settings.reddit.client_id or "",
        client_secret=secret.get_secret_value() if secret else "",
        user_agent=settings.reddit.user_agent,
        oauth_url=settings.reddit.oauth_url,
        reddit_url=settings.reddit.url,
        timeout=settings.reddit.timeout,
    )
