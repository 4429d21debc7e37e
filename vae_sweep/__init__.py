"""The service: sweeps of text VAEs on Ray Tune, searched by Optuna, logged to MLflow."""
