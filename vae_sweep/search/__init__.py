"""Which cell comes next: Optuna behind one door."""
