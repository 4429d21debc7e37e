"""What is unsound or open to strangers."""
