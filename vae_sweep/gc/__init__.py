"""Checkpoints and pretrainings that nothing needs any more, and their removal."""
