"""How a sweep stands while it runs and after."""
