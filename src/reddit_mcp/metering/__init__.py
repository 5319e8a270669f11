"""What a call costs its caller: quota, places, money; and what is recorded of it."""
