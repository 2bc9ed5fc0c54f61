"""Gradient estimators: what to feed the step rule. A new one is a file here and a line below."""

from vrtune.estimators.base import Estimator
from vrtune.estimators.plain import PlainEstimator
from vrtune.estimators.storm import STORMEstimator
from vrtune.estimators.svrg import SVRGEstimator

ESTIMATORS: dict[str, type[Estimator]] = {
    "plain": PlainEstimator,
    "storm": STORMEstimator,
    "svrg": SVRGEstimator,
}
