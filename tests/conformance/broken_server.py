"""The server's command line with a bug in it: one question to Reddit crashes."""

import sys
from typing import Any

from reddit_mcp.cli.parser import main
from reddit_mcp.upstream.client import Reddit


async def _crash(*_: Any) -> None:
    raise RuntimeError("the password in /home/ada/notes is hunter2")


Reddit.subreddit = _crash  # type: ignore[method-assign,assignment]

if __name__ == "__main__":
    sys.exit(main())
