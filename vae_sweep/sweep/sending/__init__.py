"""Sending a sweep to a cluster's job server."""
