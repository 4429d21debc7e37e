"""Sweeps sent to a Ray cluster as jobs."""
