"""Garbage: what on disk nobody needs any more, and its removal."""
