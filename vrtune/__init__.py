"""vrtune: fair, cheap comparisons of variance-reduced optimizers."""

from vrtune.config import Task, TrialConfig
from vrtune.estimators.plain import Plain
from vrtune.estimators.storm import STORM
from vrtune.estimators.svrg import SVRG
from vrtune.inits.default import Default
from vrtune.inits.metainit import MetaInit
from vrtune.optimizers.adagrad import AdaGrad
from vrtune.optimizers.adam import Adam
from vrtune.optimizers.sgd import SGD
from vrtune.retraining import retrain
from vrtune.searching import search

__all__ = [
    "SGD",
    "STORM",
    "SVRG",
    "AdaGrad",
    "Adam",
    "Default",
    "MetaInit",
    "Plain",
    "Task",
    "TrialConfig",
    "retrain",
    "search",
]
