"""What the tests of conformance share."""

import pytest

from tests.conformance.foreign import Foreign, installed


@pytest.fixture(scope="session")
def foreign() -> Foreign:
    """The programs of other makers."""
    return installed()
