"""What a model is measured by."""
