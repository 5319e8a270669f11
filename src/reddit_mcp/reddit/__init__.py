"""Everything between the tools and Reddit: the client on top, the Sources below it, PRAW at the bottom."""
