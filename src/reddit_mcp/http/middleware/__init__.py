"""ASGI middleware, one module each; app.py lists their order."""
