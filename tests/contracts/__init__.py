"""What every member of a family must do."""
