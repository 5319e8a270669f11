"""What was used and what was charged."""
