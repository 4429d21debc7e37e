"""Real processes: Ray, MLflow, the command line."""
