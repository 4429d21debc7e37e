"""The science: text VAEs after Li et al. 2019, trained and measured without Ray, Optuna or MLflow."""
