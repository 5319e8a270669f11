"""The command line."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from reddit_mcp import __version__
from reddit_mcp.cli.admin import keys_command, usage_command
from reddit_mcp.errors import Failure
from reddit_mcp.settings import Settings


class _Parser(argparse.ArgumentParser):
    """One clear line for a wrong word."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


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
    usage_command.register(keys_command.register(commands))
    cache = commands.add_parser("cache", help="work with cached answers").add_subparsers(
        dest="action", required=True, parser_class=_Parser
    )
    purge = cache.add_parser("purge", help="drop cached answers on every replica")
    purge.add_argument("--tool", help="those of one tool")
    purge.add_argument("--subreddit", help="those about one community")
    breakers = commands.add_parser("breakers", help="look after the circuit breakers").add_subparsers(
        dest="action", required=True, parser_class=_Parser
    )
    breakers.add_parser("list", help="state, counts, times and recent errors of each")
    breakers.add_parser("reset", help="close one on every replica").add_argument("name")
    commands.add_parser("actor", help="run as an Actor of the Apify platform: its server, or one job")
    commands.add_parser("doctor", help="check settings, Redis and Reddit credentials")
    return parser


def _add_archive(commands: "argparse._SubParsersAction[Any]") -> None:
    archive = commands.add_parser("archive", help="work with archives of Reddit data").add_subparsers(
        dest="action", required=True, parser_class=_Parser
    )
    serve = archive.add_parser("serve", help="serve Reddit's own API over the archive")
    serve.add_argument("--port", type=int, default=8090, help="the port to listen on, 0 for any")
    serve.add_argument("--ill", action="store_true", help="misbehave on command, to try clients against it")
    imported = archive.add_parser("import", help="import Reddit dumps (NDJSON, plain, .gz or .zst)")
    imported.add_argument("paths", nargs="+", type=Path, help="files or folders")
    imported.add_argument("--db", type=Path, help="the archive to write (ARCHIVE_DB)")


def _settings(arguments: argparse.Namespace) -> Settings:
    given: dict[str, Any] = {
        "mcp_server_host": getattr(arguments, "host", None),
        "mcp_server_port": getattr(arguments, "port", None),
    }
    return Settings(**{name: value for name, value in given.items() if value is not None})


def _run(arguments: argparse.Namespace) -> int:
    """Commands import their module late, so that none pays for the others."""
    settings = _settings(arguments)
    if _serves(arguments, settings):  # before the slow imports: until it listens there is nothing to finish
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if arguments.command == "doctor":
        from reddit_mcp.cli.doctor import doctor

        return doctor(settings)
    if arguments.command == "worker":
        from reddit_mcp.cli.worker import work

        work(settings)
        return 0
    if arguments.command == "actor":
        from reddit_mcp.cli.actor_run import run_actor

        return run_actor(settings)
    if arguments.command == "archive":
        return _run_archive(settings, arguments)
    if arguments.command == "keys":
        return (
            usage_command.run(settings, arguments)
            if arguments.action == "usage"
            else keys_command.run(settings, arguments)
        )
    if arguments.command == "cache":
        from reddit_mcp.cli.admin.cache_command import purge

        purge(settings, arguments.tool, arguments.subreddit)
        return 0
    if arguments.command == "breakers":
        return _run_breakers(settings, arguments)
    from reddit_mcp.cli.serve import serve_http, serve_stdio

    (serve_http if arguments.transport == "http" else serve_stdio)(settings)
    return 0


def _run_archive(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.action == "import":
        from reddit_mcp.cli.archive_commands.archive_import import import_archive

        return import_archive(settings, arguments.paths, arguments.db)
    from reddit_mcp.cli.archive_commands.archive_serve import serve_archive

    serve_archive(settings, arguments.port, ill=arguments.ill)
    return 0


def _run_breakers(settings: Settings, arguments: argparse.Namespace) -> int:
    from reddit_mcp.cli.admin.breakers_command import list_breakers, reset_breaker

    return reset_breaker(settings, arguments.name) if arguments.action == "reset" else list_breakers(settings)


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
