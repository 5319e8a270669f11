"""Which Reddit answers: the operator's application, or an archive that looks like one."""

import contextlib
from collections.abc import AsyncIterator

from reddit_mcp.archive.archive_location import archive_path
from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.upstream.reddit_api.praw_transport import RedditApplication


@contextlib.asynccontextmanager
async def open_data_source(settings: Settings) -> AsyncIterator[RedditApplication | None]:
    """The Reddit application of the settings, or an archive on loopback that looks like one; None = Arctic Shift."""
    if settings.source == "arctic_shift":
        yield None
        return
    if not settings.archive_mode:
        yield reddit_application(settings)
        return
    with open_archive(settings) as store, serving(store) as url:
        oldest, newest = store.span() or (0, 0)
        edition = f"{archive_path(settings)} {oldest}-{newest}"
        yield RedditApplication(
            "archive", "archive", settings.reddit.user_agent, url, url, settings.reddit.timeout, edition
        )


def open_archive(settings: Settings) -> SqliteStore:
    """The archive that the settings name.

    Raises:
        Unavailable: ARCHIVE_DB names no file, or one that is no archive.
    """
    path = archive_path(settings)
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
