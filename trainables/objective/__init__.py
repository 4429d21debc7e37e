"""What a phase differentiates."""
