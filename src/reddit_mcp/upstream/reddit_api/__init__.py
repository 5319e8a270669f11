"""Reddit's API: PRAW as the transport, its errors, its JSON, its names and addresses."""
