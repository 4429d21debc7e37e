"""Sweep files: their fields, their methods' parameters, and how they are read and checked."""
