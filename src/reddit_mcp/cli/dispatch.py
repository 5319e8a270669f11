"""What each command runs. Modules are imported late, so that no command pays for the others' libraries."""

import argparse
from collections.abc import Callable, Mapping

from reddit_mcp.cli.admin import keys_command, usage_command
from reddit_mcp.settings import Settings


def _serve(settings: Settings, arguments: argparse.Namespace) -> int:
    from reddit_mcp.cli.serve import serve_http, serve_stdio

    (serve_http if arguments.transport == "http" else serve_stdio)(settings)
    return 0


def _work(settings: Settings, _arguments: argparse.Namespace) -> int:
    from reddit_mcp.cli.worker import work

    work(settings)
    return 0


def _actor(settings: Settings, _arguments: argparse.Namespace) -> int:
    from reddit_mcp.cli.actor_run import run_actor

    return run_actor(settings)


def _doctor(settings: Settings, _arguments: argparse.Namespace) -> int:
    from reddit_mcp.cli.doctor import doctor

    return doctor(settings)


def _archive(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.action == "import":
        from reddit_mcp.cli.archive_commands.archive_import import import_archive

        return import_archive(settings, arguments.paths, arguments.db, comment_index=arguments.comment_index)
    if arguments.action == "pull":
        from reddit_mcp.cli.archive_commands.archive_pull import pull_archive

        return pull_archive(settings, arguments.subreddit, arguments.since, arguments.until, arguments.db)
    from reddit_mcp.cli.archive_commands.archive_serve import serve_archive

    serve_archive(settings, arguments.port, ill=arguments.ill)
    return 0


def _export(settings: Settings, arguments: argparse.Namespace) -> int:
    from reddit_mcp.cli.export_command import export

    return export(settings, arguments.tool, arguments.arguments, arguments.format, arguments.output)


def _keys(settings: Settings, arguments: argparse.Namespace) -> int:
    run = usage_command.run if arguments.action == "usage" else keys_command.run
    return run(settings, arguments)


def _cache(settings: Settings, arguments: argparse.Namespace) -> int:
    from reddit_mcp.cli.admin.cache_command import cache_only, purge

    if arguments.action == "only":
        cache_only(settings, on=arguments.switch == "on")
    else:
        purge(settings, arguments.tool, arguments.subreddit)
    return 0


def _breakers(settings: Settings, arguments: argparse.Namespace) -> int:
    from reddit_mcp.cli.admin.breakers_command import list_breakers, reset_breaker

    return reset_breaker(settings, arguments.name) if arguments.action == "reset" else list_breakers(settings)


COMMANDS: Mapping[str, Callable[[Settings, argparse.Namespace], int]] = {
    "serve": _serve,
    "worker": _work,
    "actor": _actor,
    "doctor": _doctor,
    "archive": _archive,
    "export": _export,
    "keys": _keys,
    "cache": _cache,
    "breakers": _breakers,
}
