"""SVRG: the learning rate; a snapshot every epoch.

Johnson & Zhang 2013 take one after 2 n steps of one sample each (convex) or 5 n (nets), which is 2
or 5 epochs; the source project, every 5. Defazio & Bottou 2019 and Yin et al. 2025 take one every
epoch in deep nets, where it is stale long before the next; and in a run of few epochs 5 would mean
a single snapshot, of the weights before training.
"""

from optuna import Trial

from vrtune import SGD, SVRG, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"lr": 0.1}  # SGD's: the same gradient is estimated, with other noise


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale, as SGD's."""
    return TrialConfig(
        estimator=SVRG(snapshot_period=1),
        optimizer=SGD(lr=trial.suggest_float("lr", 1e-5, 10.0, log=True)),
    )
