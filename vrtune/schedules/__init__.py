"""Learning-rate schedules. A new one is a file here and a line below."""

from vrtune.schedules.base import Schedule
from vrtune.schedules.constant import ConstantSchedule
from vrtune.schedules.cosine import CosineSchedule
from vrtune.schedules.cyclic import CyclicSchedule
from vrtune.schedules.one_cycle import OneCycleSchedule
from vrtune.schedules.step import StepSchedule

SCHEDULES: dict[str, type[Schedule]] = {
    "constant": ConstantSchedule,
    "cosine": CosineSchedule,
    "cyclic": CyclicSchedule,
    "one_cycle": OneCycleSchedule,
    "step": StepSchedule,
}
