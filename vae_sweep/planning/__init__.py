"""What a launch would run, what it needs, and whether it may."""
