"""Launching: Ray, its nodes, the Tuner, scoring."""
