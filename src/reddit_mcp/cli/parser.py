"""The command line."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from pydantic import ValidationError

from reddit_mcp import __version__
from reddit_mcp.cli.admin import keys_command, usage_command
from reddit_mcp.cli.dispatch import COMMANDS
from reddit_mcp.errors import Failure
from reddit_mcp.settings import Settings


class _Parser(argparse.ArgumentParser):
    """One clear line for a wrong word."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


Commands: TypeAlias = "argparse._SubParsersAction[Any]"  # noqa: SLF001 - argparse has no public name for it


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mcp-for-reddit", description="Reddit for AI assistants over the Model Context Protocol.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    serve = commands.add_parser("serve", help="run the server")
    serve.add_argument("--transport", choices=("http", "stdio"), default="http")
    serve.add_argument("--host", help="the address to listen on (MCP_SERVER_HOST)")
    serve.add_argument("--port", type=int, help="the port to listen on, 0 for any (MCP_SERVER_PORT)")
    commands.add_parser("worker", help="run background jobs alone, beside any number of servers")
    _add_archive(commands)
    _add_export(commands)
    usage_command.register(keys_command.register(commands))
    _add_cache(commands)
    _add_breakers(commands)
    commands.add_parser("actor", help="run as an Actor of the Apify platform: its server, or one job")
    commands.add_parser("doctor", help="check settings, Redis and Reddit credentials")
    return parser


def _actions(commands: Commands, name: str, purpose: str) -> Commands:
    """A command with actions of its own."""
    actions: Any = commands.add_parser(name, help=purpose)
    found: argparse._SubParsersAction[Any] = actions.add_subparsers(dest="action", required=True, parser_class=_Parser)
    return found


def _add_cache(commands: Commands) -> None:
    cache = _actions(commands, "cache", "work with cached answers")
    only = cache.add_parser("only", help="answer from the cache alone, on every replica, or no longer")
    only.add_argument("switch", choices=("on", "off"))
    purge = cache.add_parser("purge", help="drop cached answers on every replica")
    purge.add_argument("--tool", help="those of one tool")
    purge.add_argument("--subreddit", help="those about one community")


def _add_breakers(commands: Commands) -> None:
    breakers = _actions(commands, "breakers", "look after the circuit breakers")
    breakers.add_parser("list", help="state, counts, times and recent errors of each")
    breakers.add_parser("reset", help="close one on every replica").add_argument("name")


def _add_export(commands: Commands) -> None:
    export = commands.add_parser("export", help="write a tool's answers to a file, all pages of them")
    export.add_argument("tool", help="the tool, such as search_reddit")
    export.add_argument("arguments", nargs="*", metavar="name=value", help="its arguments, or one JSON object")
    export.add_argument("--format", choices=("csv", "jsonl", "md"), required=True, help="what the file is")
    export.add_argument("--output", type=Path, help="the file, which is overwritten; stdout without one")


def _add_archive(commands: Commands) -> None:
    archive = _actions(commands, "archive", "work with archives of Reddit data")
    serve = archive.add_parser("serve", help="serve Reddit's own API over the archive")
    serve.add_argument("--port", type=int, default=8090, help="the port to listen on, 0 for any")
    serve.add_argument("--ill", action="store_true", help="misbehave on command, to try clients against it")
    pull = archive.add_parser("pull", help="fill the archive from Arctic Shift; go on by the same command")
    pull.add_argument("--subreddit", action="append", required=True, help="a community; may be given several times")
    pull.add_argument("--since", required=True, help="from this date or time on (ISO 8601 or epoch seconds)")
    pull.add_argument("--until", default="", help="before this one; else up to now")
    pull.add_argument("--db", type=Path, help="the archive to write (ARCHIVE_DB)")
    imported = archive.add_parser("import", help="import Reddit dumps (JSON, plain or packed, or Parquet)")
    imported.add_argument("paths", nargs="+", type=Path, help="files or folders")
    imported.add_argument("--db", type=Path, help="the archive to write (ARCHIVE_DB)")
    imported.add_argument(
        "--no-comment-index",
        dest="comment_index",
        action="store_false",
        help="leave out the index over comments: a smaller archive, faster made, in which comments cannot be searched",
    )


def _settings(arguments: argparse.Namespace) -> Settings:
    given: dict[str, Any] = {
        "mcp_server_host": getattr(arguments, "host", None),
        "mcp_server_port": getattr(arguments, "port", None),
    }
    return Settings(**{name: value for name, value in given.items() if value is not None})


def _run(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    if _serves(arguments, settings):  # before the slow imports: until it listens there is nothing to finish
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    return COMMANDS[arguments.command](settings, arguments)


def _serves(arguments: argparse.Namespace, settings: Settings) -> bool:
    """Whether it runs until it is told to stop, as an Actor's job and a server over stdio do not."""
    if arguments.command == "actor":
        return settings.apify.origin == "STANDBY"
    return arguments.command == "worker" or getattr(arguments, "transport", None) == "http"


def _settings_line(error: ValidationError) -> str:
    """Which setting is wrong and why; values are left out, one may be a secret."""
    issues = error.errors(include_input=False)
    return "; ".join(f"{'_'.join(map(str, issue['loc'])).upper()}: {issue['msg']}" for issue in issues)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; every failure is one line on stderr and a non-zero exit code."""
    arguments = _parser().parse_args(words)
    try:
        return _run(arguments)
    except ValidationError as error:
        line = _settings_line(error)
    except Failure as failure:
        line = str(failure)
    except KeyboardInterrupt:
        return 130
    sys.stderr.write(f"mcp-for-reddit: {line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
