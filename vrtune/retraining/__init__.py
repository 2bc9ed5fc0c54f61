"""The best trials on the whole training set, and the only reader of test data."""

from vrtune.retraining.training import train, train_config
from vrtune.retraining.trials import retrain, retrain_study
from vrtune.studies.retrained import ATTRIBUTE, Retrained, Spread, retrained, spread
