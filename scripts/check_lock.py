"""Does the lock hold all that a resolver would install? It is installed without one, so `make lock` ends with this.

Walks the requirements of pyproject.toml and of what they require, extras included (`pip check` leaves those out), by
the metadata of what is installed, for every Python and system that the lock is for.
"""

import functools
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = {"requirements.txt": ("build",), "requirements-dev.txt": ("build", "dev")}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}

Environment = dict[str, str]
Lines = dict[str, Requirement]
Need = tuple[Environment, str, Requirement]
"""Where it holds, what requires it, and what is required."""


def main() -> int:
    """Name what is missing, a line each; 1 when something is."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    missing = [
        f"{name}: {line}"
        for name, groups in LOCKS.items()
        for line in lacking((ROOT / name).read_text(encoding="utf-8"), required(text, groups))
    ]
    sys.stderr.writelines(f"{line}\n" for line in missing)
    return 1 if missing else 0


def required(pyproject: str, groups: tuple[str, ...]) -> list[Need]:
    """All that is required, by pyproject.toml itself or by what it requires, in each environment."""
    told = tomllib.loads(pyproject)
    lines = [*told["project"]["dependencies"], *(line for group in groups for line in told["dependency-groups"][group])]
    roots = [Requirement(line) for line in lines]
    return [(environment, *need) for environment in environments() for need in _needs(roots, environment)]


def lacking(lock: str, needs: list[Need]) -> list[str]:
    """What the lock does not pin, or not as it is required, each with where that is seen."""
    lines = pins(lock)
    found = dict.fromkeys(_other_versions(lines), "this environment")
    for environment, parent, need in needs:
        if why := _fault(lines.get(canonicalize_name(need.name)), need, environment):
            where = f"Python {environment['python_version']} on {environment['sys_platform']}"
            found.setdefault(f"{need} of {parent} {why}", where)
    return [f"{fault} ({where})" for fault, where in found.items()]


def pins(lock: str) -> Lines:
    """The pinned version of each package, with the marker that says where it is installed."""
    lines = (line.removesuffix("\\") for line in lock.splitlines() if line[:1].isalnum())
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, lines)}


def environments() -> Iterator[Environment]:
    """Every Python and system that the lock is for, as markers see them."""
    here: Mapping[str, str] = {name: str(value) for name, value in default_environment().items()}
    for python in PYTHONS:
        for system, (os_name, platform_system) in SYSTEMS.items():
            yield {
                **here,
                "python_version": python,
                "python_full_version": f"{python}.0",
                "implementation_version": f"{python}.0",
                "sys_platform": system,
                "os_name": os_name,
                "platform_system": platform_system,
            }


def _needs(roots: list[Requirement], environment: Environment) -> Iterator[tuple[str, Requirement]]:
    """Every requirement that holds in an environment, with what requires it."""
    waiting = [("pyproject.toml", need) for need in roots if _holds(need, environment, "")]
    seen: set[tuple[str, str]] = set()
    while waiting:
        parent, need = waiting.pop()
        yield parent, need
        for extra in {"", *need.extras} - {extra for name, extra in seen if name == need.name}:
            seen.add((need.name, extra))
            waiting += [(need.name, each) for each in _requires(need.name) if _holds(each, environment, extra)]


@functools.cache
def _requires(name: str) -> list[Requirement]:
    """What a package requires; nothing is known of one that is not for this system."""
    try:
        return [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        return []


def _holds(need: Requirement, environment: Environment, extra: str) -> bool:
    return need.marker is None or need.marker.evaluate({**environment, "extra": extra})


def _fault(pin: Requirement | None, need: Requirement, environment: Environment) -> str:
    if pin is None:
        return "is missing"
    if not _holds(pin, environment, ""):
        return f"is left out by its marker: {pin.marker}"
    (pinned,) = pin.specifier
    return "" if need.specifier.contains(pinned.version, prereleases=True) else f"is pinned as {pinned.version}"


def _other_versions(lines: Lines) -> Iterator[str]:
    """Packages whose metadata is not that of the pinned version, so that nothing can be said of them."""
    for name, pin in lines.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if not pin.specifier.contains(installed, prereleases=True):
            yield f"{pin} is installed as {installed}; run `make test` first"


if __name__ == "__main__":
    sys.exit(main())
