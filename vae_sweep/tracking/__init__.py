"""The journal, its reading, and its mirror in MLflow."""
