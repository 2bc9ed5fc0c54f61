"""SVRG over Muon for matrices, AdamW at a tenth of the rate for all else."""

from vrtune import SVRG, Library, TrialConfig

DEFAULT = {"lr": 0.02}


def suggest(trial):
    lr = trial.suggest_float("lr", 0.0001, 1.0, log=True)
    return TrialConfig(
        estimator=SVRG(snapshot_period=1),
        optimizer=Library("torch.optim.Muon", lr=lr, rest=Library("torch.optim.AdamW", lr=lr / 10)),
    )
