"""Step rules: what to do with the estimate. A new one is a file here and a line below."""

from vrtune.optimizers.adadelta import AdaDelta
from vrtune.optimizers.adagrad import AdaGrad
from vrtune.optimizers.adam import Adam
from vrtune.optimizers.adamax import AdaMax
from vrtune.optimizers.base import StepRule
from vrtune.optimizers.heavy_ball import HeavyBall
from vrtune.optimizers.kfac import KFAC
from vrtune.optimizers.lamb import LAMB
from vrtune.optimizers.lars import LARS
from vrtune.optimizers.library import Library
from vrtune.optimizers.nadam import NAdam
from vrtune.optimizers.radam import RAdam
from vrtune.optimizers.rmsprop import RMSProp
from vrtune.optimizers.sgd import SGD
from vrtune.optimizers.shampoo import Shampoo
from vrtune.optimizers.sm3 import SM3
from vrtune.units import OptimizerSettings

OPTIMIZERS = OptimizerSettings.enrolled
