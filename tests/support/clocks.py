"""Time that a test sets by hand."""


class Clock:
    """Seconds that stand still until a test moves them."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
