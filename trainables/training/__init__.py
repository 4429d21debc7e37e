"""One phase: descent, updates, state and the loop."""
