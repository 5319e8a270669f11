"""What happens without a caller: the schedule of watches, their matching, webhooks."""
