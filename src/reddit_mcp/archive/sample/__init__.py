"""The bundled sample: a small invented Reddit, so that everything works without credentials.

Its text is invented for this project and says so: in every community's description, its pinned post and every account's
description. No community, account or event in it is real.

    text ─► people, posts, threads ─► generate (drafts) ─► shapes (Reddit's JSON) ─► build (a SQLite archive)
"""

from reddit_mcp.archive.sample.generator import generate
from reddit_mcp.archive.sample.sample_file import ensure

__all__ = ["ensure", "generate"]
