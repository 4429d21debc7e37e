"""Which trial comes next: Optuna behind one class, and the schedule of cells and seeds."""
