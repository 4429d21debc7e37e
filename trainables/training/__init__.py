"""One phase: training, updates, state and the loop."""
