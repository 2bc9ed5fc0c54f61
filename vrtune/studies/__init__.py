"""All that touches Optuna's storage, its internals included."""
