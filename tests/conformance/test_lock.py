"""The lock: complete, and installed in one way everywhere, by every pip that a supported Python brings."""

import fcntl
import functools
import hashlib
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.foreign import CACHE

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
DEV = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
CHECK: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "check_lock.py"))
UNRESOLVED = "--no-deps --require-hashes --requirement"

PIPS = {  # the oldest of Python 3.11, that of 3.11.4 to 3.11.7, and the newest
    "22.3": "1daab4b8d3b97d1d763caeb01a4640a2250a0ea899e257b1e44b9eded91e15ab",
    "23.2.1": "7ccf472345f20d35bdc9d1841ff5f313260c2c33fe417f48c30ac46cccabf5be",
    "26.3": "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13",
}

# Wanted in browsers alone, for which no environment is made up.
ELSEWHERE = {"httpx2-jsfetch"}

pytestmark = pytest.mark.timeout(600)  # downloads


REPORTS_ARE_NEW = (
    "WARNING: --report is currently an experimental option. "
    "The output format may change in a future release without prior warning."
)
"""What the oldest pip says about its report."""


def lacking(lock: str, *groups: str) -> list[str]:
    found: list[str] = CHECK["lacking"](lock, required(groups))
    return found


@functools.cache
def required(groups: tuple[str, ...]) -> Any:
    return CHECK["required"](PYPROJECT, groups)


def without(lock: str, name: str) -> str:
    """The lock less one package."""
    return re.sub(rf"^{re.escape(name)}==.*\n(?: +.*\n)*", "", lock, flags=re.MULTILINE)


def test_the_locks_hold_what_a_resolver_would_install() -> None:
    assert lacking(LOCK, "build") == []
    assert lacking(DEV, "build", "dev") == []


def runtime_pins() -> list[str]:
    lines: dict[str, Any] = CHECK["pins"](LOCK)
    return sorted(lines)


@pytest.mark.parametrize("name", [name for name in runtime_pins() if name not in ELSEWHERE])
def test_each_package_is_missed_where_the_lock_lacks_it(name: str) -> None:
    assert without(LOCK, name) != LOCK
    needs = [re.split(r"[^\w.-]", line)[0] for line in lacking(without(LOCK, name), "build")]
    assert name in {CHECK["canonicalize_name"](need) for need in needs}


@pytest.mark.parametrize(
    ("given", "put", "told"),
    [
        (r"^pydantic-core==\S+", "pydantic-core==2.0.0", "pydantic-core"),
        (r"^backports-zstd==.*?;.*?\\", r"backports-zstd==1.8.0 ; python_full_version < '3.12' \\", "marker"),
        (r"^email-validator==\S+", "email-validator==1.0", "pinned as 1.0"),
    ],
)
def test_a_line_that_is_not_as_required_is_named(given: str, put: str, told: str) -> None:
    changed = re.sub(given, put, LOCK, flags=re.MULTILINE)
    assert changed != LOCK
    assert any(told in line for line in lacking(changed, "build"))


@pytest.fixture(scope="module")
def packages() -> Path:
    """Every package of both locks and the pips, downloaded once, in a folder that git does not see."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    pins = hashlib.sha256((DEV + "".join(PIPS.values())).encode()).hexdigest()[:16]
    folder = CACHE / f"packages-{pins}-{sys.version_info.major}.{sys.version_info.minor}"
    with (CACHE / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            folder.mkdir(exist_ok=True)
            _download(folder)
            (folder / "complete").touch()
    return folder


def _download(folder: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--dest", str(folder))
    _run(*pip, *UNRESOLVED.split(), str(ROOT / "requirements-dev.txt"))
    for version, digest in PIPS.items():
        pinned = folder / f"pip-{version}.txt"
        pinned.write_text(f"pip=={version} --hash=sha256:{digest}\n")
        _run(*pip, *UNRESOLVED.split(), str(pinned))


def _run(*words: str, pip: Path | None = None) -> str:
    """What a program says; with `pip`, that wheel takes the place of the installed one."""
    variables = {**os.environ, **({"PYTHONPATH": str(pip)} if pip else {})}
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _install(version: str, packages: Path, *words: str) -> str:
    """Install with a pip's own wheel, from the downloaded packages alone, whatever this machine's pip is told."""
    pip = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--quiet")
    wheel = packages / f"pip-{version}-py3-none-any.whl"
    assert _run(*pip, "--version", pip=wheel).startswith(f"pip {version} from {wheel}")
    return _run(*pip, "install", "--no-index", "--find-links", str(packages), *words, pip=wheel)


@pytest.mark.parametrize("version", PIPS)
def test_a_pip_would_install_the_lock(version: str, packages: Path, tmp_path: Path) -> None:
    """Up to the unpacking, which no requirement changes any more."""
    report, lock = tmp_path / "report.json", str(ROOT / "requirements.txt")
    words = ("--dry-run", "--ignore-installed", "--report", str(report), *UNRESOLVED.split(), lock)
    said = _install(version, packages, *words)
    assert set(said.splitlines()) <= {REPORTS_ARE_NEW}
    found = {CHECK["canonicalize_name"](each["metadata"]["name"]) for each in json.loads(report.read_text())["install"]}
    assert found == needed()


def test_the_newest_pip_installs_the_lock(packages: Path, tmp_path: Path) -> None:
    lock = str(ROOT / "requirements.txt")
    words = ("--no-compile", "--target", str(tmp_path), *UNRESOLVED.split(), lock)
    assert _install(list(PIPS)[-1], packages, *words) == ""
    assert {CHECK["canonicalize_name"](path.name.split("-")[0]) for path in tmp_path.glob("*.dist-info")} == needed()


def needed() -> set[str]:
    """The packages of the lock that this machine needs."""
    lines: dict[str, Any] = CHECK["pins"](LOCK)
    return {name for name, pin in lines.items() if not pin.marker or pin.marker.evaluate()}


@pytest.mark.parametrize("version", [next(iter(PIPS)), list(PIPS)[-1]])
def test_a_pip_accepts_the_lock_of_the_tests(version: str, packages: Path) -> None:
    lock = str(ROOT / "requirements-dev.txt")
    assert _install(version, packages, "--dry-run", "--ignore-installed", *UNRESOLVED.split(), lock) == ""


def test_makefile_and_dockerfile_install_the_lock_in_one_way() -> None:
    lines = [line for line in (MAKEFILE + DOCKERFILE).splitlines() if "--require-hashes" in line and line[0] != "#"]
    assert [line for line in lines if UNRESOLVED not in line] == []
    assert len(lines) == 2
    assert re.search(r"^INSTALL_LOCKED := \$\(PIP\) install " + UNRESOLVED + "$", MAKEFILE, re.MULTILINE)
    assert f"{UNRESOLVED} requirements.txt" in DOCKERFILE


def test_continuous_integration_installs_as_make_does() -> None:
    commands = [line for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    assert not any("pip" in line or "requirements" in line for line in commands[1:] if not line.startswith("set"))
    assert any("make test" in line for line in commands)


def test_what_was_installed_is_checked() -> None:
    assert "$(PIP) check" in MAKEFILE
