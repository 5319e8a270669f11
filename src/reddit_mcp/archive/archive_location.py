"""Where the archives of these settings are."""

import time
from pathlib import Path

from reddit_mcp.archive import sample
from reddit_mcp.settings import Settings


def imported_archive(settings: Settings) -> Path:
    """ARCHIVE_DB, else the file of DATA_DIR that imports go to."""
    return settings.archive_db or settings.data_dir / "archive.sqlite"


def sample_archive(settings: Settings) -> Path:
    """The bundled sample, built when it is not there."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return sample.ensure(settings.data_dir / "sample.sqlite", now=int(time.time()))


def archive_path(settings: Settings) -> Path:
    """The imported archive, else the sample."""
    imported = imported_archive(settings)
    return imported if settings.archive_db or imported.exists() else sample_archive(settings)
