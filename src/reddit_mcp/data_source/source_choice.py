"""What is decided at the start: which source answers, and which one until it can."""

from dataclasses import dataclass

from reddit_mcp.archive.archive_location import imported_archive
from reddit_mcp.settings import Settings
from reddit_mcp.upstream.source import SourceName


@dataclass(frozen=True, slots=True)
class Choice:
    """A source, why it was chosen, and whether the sample answers while it cannot be reached at the start."""

    name: SourceName
    why: str
    or_sample: bool = False


def choose(settings: Settings) -> Choice:
    """DATA_SOURCE, or by what there is: Reddit with credentials, an imported archive, Arctic Shift."""
    named = settings.data_source
    if named != "auto":
        return Choice(named, f"DATA_SOURCE is {named}")
    if settings.reddit.client_id:
        return Choice("reddit", "Reddit credentials are set")
    if settings.archive_db or imported_archive(settings).exists():
        return Choice("archive", "no Reddit credentials are set, and there is an imported archive")
    return Choice("arctic_shift", "no Reddit credentials are set, and no archive was imported", or_sample=True)


WITHOUT_ARCTIC_SHIFT = "no Reddit credentials are set, no archive was imported, and Arctic Shift cannot be reached"
"""Why the sample answers where Arctic Shift was chosen."""
