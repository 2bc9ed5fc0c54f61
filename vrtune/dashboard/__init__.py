"""Optuna's dashboard with what vrtune knows of its studies, for whoever has the token."""
