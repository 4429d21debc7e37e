"""Fronts, hypervolumes, intervals and comparisons."""
