"""Routes that speak plain JSON."""
