"""The texts of strangers: cleaned, and made readable."""
