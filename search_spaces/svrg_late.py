"""SVRG that starts late, over a cosine schedule: the learning rate, the start, the warm-up."""

from optuna import Trial

from vrtune import SGD, SVRG, Cosine, TrialConfig

# Defazio & Bottou 2019 start it at epoch 0, 20, 40, 60 or 80 of 90, and 60 for both of their nets;
# lr and momentum as SGD's; the cosine of Loshchilov & Hutter 2017 has no warm-up
GRID = {"lr": [1e-2, 1e-1], "start_share": [0.0, 0.22, 0.44, 0.67, 0.89], "warmup": [0.0, 0.1]}
DEFAULT = {"lr": 0.1, "start_share": 0.67, "warmup": 0.0}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-4 .. 10, log scale; a start after 0 .. 0.9 of the run, a warm-up of 0 .. 0.3."""
    return TrialConfig(
        estimator=SVRG(snapshot_period=1, start_share=trial.suggest_float("start_share", 0.0, 0.9)),
        optimizer=SGD(lr=trial.suggest_float("lr", 1e-4, 10.0, log=True), momentum=0.9),
        schedule=Cosine(warmup=trial.suggest_float("warmup", 0.0, 0.3)),
    )
