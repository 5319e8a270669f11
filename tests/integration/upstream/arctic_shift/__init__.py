"""Arctic Shift over real HTTP, against a fake of its API."""
