"""Numbers worked out by hand, and the oracle."""
