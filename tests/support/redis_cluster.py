"""A Redis Cluster of three masters on loopback, from the server program that the other tests use.

`TEST_REDIS=cluster` makes each server of the other tests one master of a cluster (see `tests/storage_fixtures`).
"""

import contextlib
import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from reddit_mcp.storage.redis.store_files import find_server

SLOTS = ("0-5460", "5461-10922", "10923-16383")
NODES_FILE = "nodes.conf"
START_SECONDS = 20.0
_TO_BUS = 11_000
"""From a node's port to that of its cluster bus."""

QUIET = ("--save", "", "--loglevel", "warning", "--logfile", "log", "--bind", "127.0.0.1")


def wanted() -> bool:
    """Whether the tests shall run on a cluster."""
    return os.environ.get("TEST_REDIS") == "cluster"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The addresses of a cluster that the tests of a module share."""
    with cluster(tmp_path_factory.mktemp("cluster")) as urls:
        yield urls


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, ...]]:
    """Three masters that share the slots; the address of each."""
    ports = [int(port) for port in free_ports(len(SLOTS))]
    with masters(folder, ports):
        wait_until_whole(ports)
        yield tuple(f"redis://127.0.0.1:{port}" for port in ports)


@contextlib.contextmanager
def beside(folder: Path, *options: str) -> Iterator[tuple[str, ...]]:
    """Where a cluster is wanted, two masters beside the server that is started in `folder` with these options.

    Gives the options that this one needs besides. A folder that had masters before gets the same again, so that a
    restarted server finds its cluster.
    """
    if not wanted() or "--port" not in options or "--cluster-enabled" in options:
        yield ()
        return
    place = options.index("--port")
    port, options = int(options[place + 1]), (*options[:place], *options[place + 2 :])
    known = folder / "ports"
    if not known.exists():
        known.write_text(" ".join(free_ports(len(SLOTS) - 1)))
        _write_nodes(folder, port, [port, *map(int, known.read_text().split())])
    ports = [port, *map(int, known.read_text().split())]
    with masters(folder, ports[1:], *options, known=ports):
        yield node_options(port)


@contextlib.contextmanager
def masters(folder: Path, ports: Sequence[int], *options: str, known: Sequence[int] = ()) -> Iterator[None]:
    """A process for each port, which knows all of them (or the `known` ones)."""
    with contextlib.ExitStack() as stack:
        for port in ports:
            home = folder / f"master-{port}"
            home.mkdir(exist_ok=True)
            if not (home / NODES_FILE).exists():
                _write_nodes(home, port, known or ports)
            command = [find_server(), *QUIET, "--port", str(port), *node_options(port), *options]
            process = subprocess.Popen(command, cwd=home)
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


def node_options(port: int) -> tuple[str, ...]:
    """What makes a server a node. A busy machine may be silent for long before a node is missed by the others."""
    bus = ("--cluster-port", str(_bus(port)), "--cluster-config-file", NODES_FILE)
    return ("--cluster-enabled", "yes", *bus, "--cluster-node-timeout", "60000")


def wait_until_whole(ports: Sequence[int]) -> None:
    """Until every node says that the cluster serves; a master does so two seconds after its start at the earliest."""
    deadline = time.monotonic() + START_SECONDS
    while not all(is_whole(port) for port in ports):
        assert time.monotonic() < deadline, "the cluster did not form in time"
        time.sleep(0.05)


def is_whole(port: int) -> bool:
    """Whether this node says that all slots are served."""
    try:
        with Redis(port=port, protocol=2) as redis:
            return str(redis.cluster("INFO")["cluster_state"]) == "ok"
    except RedisError:
        return False


def free_ports(number: int) -> list[str]:
    """Ports that are free, and whose cluster bus ports are; both below those of outgoing connections."""
    found: list[str] = []
    with contextlib.ExitStack() as stack:
        while len(found) < number:
            one, other = (stack.enter_context(socket.socket()) for _ in range(2))
            port = random.randrange(10_000, 10_000 + _TO_BUS)
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                other.bind(("127.0.0.1", _bus(port)))
                found.append(str(port))
    return found


def _bus(port: int) -> int:
    return port + _TO_BUS


def _write_nodes(home: Path, port: int, ports: Sequence[int]) -> None:
    """What a node remembers of its cluster: so three fresh servers are one without an introduction (CLUSTER MEET)."""
    lines = []
    for number, (each, slots) in enumerate(zip(ports, SLOTS, strict=True), start=1):
        role = "myself,master" if each == port else "master"
        lines.append(f"{number:040x} 127.0.0.1:{each}@{_bus(each)} {role} - 0 0 {number} connected {slots}\n")
    home.joinpath(NODES_FILE).write_text("".join([*lines, "vars currentEpoch 3 lastVoteEpoch 0\n"]))
