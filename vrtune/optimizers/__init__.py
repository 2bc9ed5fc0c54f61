"""Step rules: what to do with the estimate. A new one is a file here and a line below."""

from vrtune.optimizers.adagrad import AdaGradRule
from vrtune.optimizers.adam import AdamRule
from vrtune.optimizers.base import StepRule
from vrtune.optimizers.sgd import SGDRule

OPTIMIZERS: dict[str, type[StepRule]] = {
    "adagrad": AdaGradRule,
    "adam": AdamRule,
    "sgd": SGDRule,
}
