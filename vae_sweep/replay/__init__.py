"""A journaled trial run again, and compared."""
