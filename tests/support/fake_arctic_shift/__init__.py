"""Arctic Shift on loopback, built from its API page: invented things, its limits, its refusals and its illnesses."""

from tests.support.fake_arctic_shift.server import FakeArcticShift, Reply
from tests.support.fake_arctic_shift.things import NOW, comment, community, post

__all__ = ["NOW", "FakeArcticShift", "Reply", "comment", "community", "post"]
