"""What operators are told without looking: rules, when they speak, and through which channels."""
