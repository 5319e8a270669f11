"""Everything between the tools and Reddit: the client on top, layers of `Source` below it, PRAW at the bottom."""
