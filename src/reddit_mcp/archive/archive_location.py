"""Where the archive of these settings is."""

import time
from pathlib import Path

from reddit_mcp.archive import sample
from reddit_mcp.settings import Settings


def archive_path(settings: Settings) -> Path:
    """ARCHIVE_DB, else the imported archive of DATA_DIR, else the bundled sample, built when it is not there."""
    imported = settings.archive_db or settings.data_dir / "archive.sqlite"
    if settings.archive_db or imported.exists():
        return imported
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return sample.ensure(settings.data_dir / "sample.sqlite", now=int(time.time()))
