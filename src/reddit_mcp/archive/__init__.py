"""Reddit's things in SQLite, and Reddit's own HTTP API over them.

    writer ─► schema.sql ─► sqlite (a store.Store) ─► api ─► server

The archive stands aside: the tools reach it over HTTP, exactly as they reach Reddit.
"""
