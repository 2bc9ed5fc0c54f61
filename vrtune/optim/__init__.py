"""The methods as PyTorch optimizers, for any model and any training loop."""

from vrtune.optim.alpha_svrg import AlphaSVRG
from vrtune.optim.averaged import Averaged
from vrtune.optim.build import build
from vrtune.optim.mars import MARS, MARSApproximate
from vrtune.optim.metainit import initialise, metainit
from vrtune.optim.optimal_svrg import OptimalSVRG
from vrtune.optim.over import Over
from vrtune.optim.penalised import Penalised
from vrtune.optim.reduced import VarianceReduced
from vrtune.optim.row_rule import RowRule
from vrtune.optim.saga import SAGA
from vrtune.optim.scheduler import Scheduler
from vrtune.optim.scsg import SCSG
from vrtune.optim.storm import STORM
from vrtune.optim.svrg import SVRG

__all__ = [
    "MARS",
    "SAGA",
    "SCSG",
    "STORM",
    "SVRG",
    "AlphaSVRG",
    "Averaged",
    "MARSApproximate",
    "OptimalSVRG",
    "Over",
    "Penalised",
    "RowRule",
    "Scheduler",
    "VarianceReduced",
    "build",
    "initialise",
    "metainit",
]
