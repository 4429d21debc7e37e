"""The journal's mirror in MLflow."""
