"""Step rules: what to do with the estimate. A new one is a file here and a line below."""

from vrtune.optimizers.adagrad import AdaGrad
from vrtune.optimizers.adam import Adam
from vrtune.optimizers.base import StepRule
from vrtune.optimizers.library import Library
from vrtune.optimizers.sgd import SGD
from vrtune.units import OptimizerSettings

OPTIMIZERS = OptimizerSettings.enrolled
