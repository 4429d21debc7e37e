"""What README and docs show, taken out of their pages, and where each command of theirs is tried."""
