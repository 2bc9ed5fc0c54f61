"""Learning-rate schedules. A new one is a file here and a line below."""

from vrtune.schedules.constant import Constant
from vrtune.schedules.cosine import Cosine
from vrtune.schedules.cyclic import Cyclic
from vrtune.schedules.decay import Decay
from vrtune.schedules.one_cycle import OneCycle
from vrtune.schedules.step import Step
from vrtune.units import ScheduleSettings

SCHEDULES = ScheduleSettings.enrolled
