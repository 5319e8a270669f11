"""How long a test waits for what it expects before it gives up."""

PATIENCE_SECONDS = 60.0
"""More than anything waited for takes where other work has the processors too. It ends a test that would hang; that
something is quick is shown by what happens before it, or does not happen at all, never by this."""
