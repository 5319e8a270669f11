"""Keeps a store server for as long as anybody uses it; run as `python guard.py USERS RUNTIME SERVER ARGUMENT...`.

Every user holds a shared flock on the file USERS, which the system drops however a process ends, `kill -9` included.
This process waits for the exclusive one: once granted, nobody is left, and the server is told to stop. It stands
between the users and the server so that neither the first nor any other user's end takes the server from the rest.

The lock that says "a server runs" comes as an inherited descriptor: it is free again when the server has ended.
Standard library only, for the start counts: about 30 ms.
"""

import fcntl
import os
import signal
import sys
import threading
from contextlib import suppress


def main(users: str, runtime: str, *command: str) -> None:
    """Go on in the background, so that its starter need not wait for it."""
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # ending before its users, it would leave the server behind
        keep(users, runtime, *command)


def keep(users: str, runtime: str, *command: str) -> None:
    """Run the server and see to its end."""
    server = os.posix_spawn(command[0], command, {}, setsigdef=(signal.SIGTERM,))  # {}: our environment holds secrets
    threading.Thread(target=_stop_when_unused, args=(users, server), daemon=True).start()
    os.waitpid(server, 0)
    with suppress(OSError):
        os.rmdir(runtime)  # noqa: PTH106 - a server that crashed leaves its socket there, for the next to take over


def _stop_when_unused(users: str, server: int) -> None:
    fcntl.flock(os.open(users, os.O_RDWR), fcntl.LOCK_EX)
    os.kill(server, signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
