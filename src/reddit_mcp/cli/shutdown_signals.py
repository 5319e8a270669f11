"""Signals that end a process in order."""

import asyncio
import signal
from collections.abc import Callable


def on_signals(stop: Callable[[], object], *signals: signal.Signals) -> None:
    """Call `stop` in the running event loop when one of these comes; asyncio's own handlers do not exist on Windows."""
    loop = asyncio.get_running_loop()
    for each in signals:
        signal.signal(each, lambda *_: loop.call_soon_threadsafe(stop))
