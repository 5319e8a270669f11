"""`keys`: the words of the command line for API keys."""

import argparse
import sys
from typing import Any

from reddit_mcp.settings import Settings
from reddit_mcp.tiers import ALIASES, SETTABLE

TIERS = [name for name in SETTABLE if name != "anonymous"]


def register(commands: "argparse._SubParsersAction[Any]") -> "argparse._SubParsersAction[Any]":
    """Add `keys` and its actions to a command line; gives the actions back for more of them."""
    keys = commands.add_parser("keys", help="make, list, revoke and rotate API keys")
    actions: argparse._SubParsersAction[Any] = keys.add_subparsers(dest="action", required=True)
    made = actions.add_parser("create", help="make a key; it is shown once and never stored")
    made.add_argument("--user", required=True, help="who calls with it; quotas and watches are the user's")
    made.add_argument("--name", required=True, help="what it is for, such as a machine")
    made.add_argument("--tier", required=True, choices=TIERS, type=lambda name: ALIASES.get(name, name))
    made.add_argument("--role", choices=("user", "operator"), default="user", help="operators see the server's pages")
    made.add_argument("--expires", type=int, metavar="DAYS", help="how long it works; unset = until it is revoked")
    made.add_argument("--json", action="store_true", help="print JSON")
    actions.add_parser("list", help="show every key, but not the keys themselves")
    actions.add_parser("revoke", help="end a key at once").add_argument("id")
    rotated = actions.add_parser("rotate", help="replace keys; the old ones work beside the new ones for a week")
    which = rotated.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="the key to replace")
    which.add_argument("--all", action="store_true", help="replace every active key")
    return actions


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the action that `register` parsed; 0, for every failure is raised."""
    from reddit_mcp.cli.admin import key_actions  # late, so that other commands start without the store's libraries

    given = vars(arguments)
    match given["action"]:
        case "create":
            names = ("user", "name", "tier", "role", "expires")
            text = key_actions.create(settings, **{name: given[name] for name in names}, as_json=given["json"])
        case "list":
            text = key_actions.table(settings)
        case "revoke":
            text = key_actions.revoke(settings, given["id"])
        case _:
            text = key_actions.rotate(settings, given["id"])
    sys.stdout.write(text + "\n")
    return 0
