"""The HTTP API of Arctic Shift: requests, their budget, pages and failures."""
