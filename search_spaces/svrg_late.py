"""SVRG that starts late, over a cosine schedule: the learning rate, the start, the warm-up."""

from optuna import Trial

from vrtune import SGD, SVRG, Cosine, TrialConfig

GRID = {"lr": [1e-2, 1e-1], "start_epoch": [0, 5, 10], "warmup": [0.0, 0.1]}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-4 .. 1, log scale; start_epoch in 0 .. 20; warm-up of 0 .. 0.3 of the run."""
    return TrialConfig(
        estimator=SVRG(snapshot_period=1, start_epoch=trial.suggest_int("start_epoch", 0, 20)),
        optimizer=SGD(lr=trial.suggest_float("lr", 1e-4, 1.0, log=True), momentum=0.9),
        schedule=Cosine(warmup=trial.suggest_float("warmup", 0.0, 0.3)),
    )
