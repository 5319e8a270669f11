"""The shared request budget, and the queue that hands it out by priority."""
