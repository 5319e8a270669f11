"""Whether the data directory can be written, and how much room is left there."""

import asyncio
import os
import shutil
from pathlib import Path

from reddit_mcp.errors import Unavailable

LEAST_BYTES = 100_000_000
"""What the embedded store needs to write its file anew, and an archive to grow."""


async def check_disk(folder: Path) -> str:
    """What `/health` says of it.

    Raises:
        Unavailable: it cannot be written, or is nearly full.
    """
    return await asyncio.to_thread(_check, folder)


def _check(folder: Path) -> str:
    if not folder.exists():
        return "not used: everything is in Redis"
    if not os.access(folder, os.W_OK):
        raise Unavailable("DATA_DIR cannot be written.", service="storage")
    free = shutil.disk_usage(folder).free
    if free < LEAST_BYTES:
        raise Unavailable(f"DATA_DIR has {free / 1e6:.0f} MB left.", service="storage")
    return f"{free / 1e9:.1f} GB free"
