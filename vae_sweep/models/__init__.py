"""Trained models in use: loaded, generated from, probed."""
