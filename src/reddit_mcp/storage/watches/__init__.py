"""Watches, their schedule, matches and deliveries."""
