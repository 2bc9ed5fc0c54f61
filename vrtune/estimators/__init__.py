"""Gradient estimators: what to feed the step rule. A new one is a file here and a line below."""

from vrtune.estimators.alpha_svrg import AlphaSVRG
from vrtune.estimators.base import (
    BatchGradient,
    Clock,
    Estimator,
    Factors,
    TableGradient,
    WholeGradient,
)
from vrtune.estimators.mars import MARS, MARSApproximate
from vrtune.estimators.optimal_svrg import OptimalSVRG
from vrtune.estimators.plain import Plain
from vrtune.estimators.sag import SAG
from vrtune.estimators.saga import SAGA
from vrtune.estimators.scsg import SCSG
from vrtune.estimators.storm import STORM
from vrtune.estimators.svrg import SVRG
from vrtune.units import EstimatorSettings

ESTIMATORS = EstimatorSettings.enrolled
