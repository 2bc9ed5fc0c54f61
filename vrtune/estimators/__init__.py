"""Gradient estimators: what to feed the step rule. A new one is a file here and a line below."""

from vrtune.estimators.alpha_svrg import AlphaSVRGEstimator
from vrtune.estimators.base import Estimator
from vrtune.estimators.mars import MARSApproximateEstimator, MARSEstimator
from vrtune.estimators.optimal_svrg import OptimalSVRGEstimator
from vrtune.estimators.plain import PlainEstimator
from vrtune.estimators.scsg import SCSGEstimator
from vrtune.estimators.storm import STORMEstimator
from vrtune.estimators.svrg import SVRGEstimator

ESTIMATORS: dict[str, type[Estimator]] = {
    "alpha_svrg": AlphaSVRGEstimator,
    "mars": MARSEstimator,
    "mars_approximate": MARSApproximateEstimator,
    "optimal_svrg": OptimalSVRGEstimator,
    "plain": PlainEstimator,
    "scsg": SCSGEstimator,
    "storm": STORMEstimator,
    "svrg": SVRGEstimator,
}
