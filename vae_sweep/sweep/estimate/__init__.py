"""Estimating a sweep before it runs: its time, memory and disk."""
