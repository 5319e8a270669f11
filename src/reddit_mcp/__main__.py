"""`python -m reddit_mcp`: the command line."""

import sys

from reddit_mcp.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
