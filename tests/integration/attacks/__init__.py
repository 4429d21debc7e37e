"""Attacks on real small sweeps: what users, machines and file systems do to them, and what must come of it."""
