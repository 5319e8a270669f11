"""What every test may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.secret_leaks import no_secret_is_in_any_log
from tests.support.server_process import NOWHERE, is_setting, server

# where other work has the processors, drawing inputs is slow, which says nothing of them
settings.register_profile("shared machine", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("shared machine")

__all__ = ["no_secret_is_in_any_log"]


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_developer() -> Iterator[None]:
    """The shell that starts the tests changes none of them, nor has each server that they start compile its modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        for name in filter(is_setting, list(os.environ)):
            patch.delenv(name)
        patch.setenv("ARCTIC_SHIFT_URL", NOWHERE)
        yield


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server over the sample archive for all tests that only read."""
    with server(tmp_path_factory.mktemp("data")) as url:
        yield url


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Recorded Reddit data; tests that need it are skipped where it is not."""
    default = Path(__file__).parents[2] / "shared" / "corpus"
    folder = Path(os.environ.get("TEST_CORPUS", default))
    if not folder.is_dir():
        pytest.skip(f"no recorded data at {folder}; set TEST_CORPUS")
    return folder
