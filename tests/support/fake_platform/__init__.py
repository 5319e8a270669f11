"""A fake of the Apify platform on loopback: the REST API of one Actor run, and its events websocket.

Real sockets, because the client's transport is Rust and nothing in Python can stand in for it. What it knows of the
platform stands in the documentation of the API (https://docs.apify.com/api/v2) and in the source of the SDK 4.1.

    platform = FakePlatform(tenancy="multi", max_total_charge_usd=0.05)
    with platform.running():
        subprocess.run(command, env={**os.environ, **platform.environment()})

In process:

    platform.emit("aborting")                        an event on the websocket of every container
    platform.fail("/charge", times=3, status=500)    nothing done, this answer
    platform.fail("/charge", delay=2.0)              done after a while
    platform.fail("/charge", applied=True, status=502)   done, answer lost (`lost=True` breaks the connection instead)
    platform.fail("/charge", hang=True)              no answer until the client goes away
    platform.mishap = lambda path, number: Fault(status=500) if number % 3 == 0 else None     a plan for all requests
    platform.advance(181)                            the clock of idempotency keys goes on
    with platform.request("REQ1"): ...               a request through the gateway is in flight (multi-tenant charges)
    platform.charged, platform.charges, platform.items, platform.records, platform.requests, platform.status_messages

Over HTTP (`platform.url`), for a driver in another process: POST /__control/emit {"name", "data"?},
/__control/fail (the arguments of `fail`), /__control/open-request {"id"}, /__control/close-request {"id"},
GET /__control/state.
"""

from tests.support.fake_platform.charging import Charge
from tests.support.fake_platform.faults import Fault
from tests.support.fake_platform.platform import FakePlatform

__all__ = ["Charge", "FakePlatform", "Fault"]
