"""A schedule in a program: a function of the step, and LambdaLR."""

from __future__ import annotations

from vrtune.exporting.code import literal
from vrtune.exporting.imports import Import, Piece
from vrtune.exporting.method import settings_call
from vrtune.schedules import Constant, Cosine, Cyclic, Decay, OneCycle, Step
from vrtune.units import ScheduleSettings

LAMBDA = "LambdaLR(optimizer, lambda step: factor(step / steps, epochs))"
WARMED = "LambdaLR(optimizer, lambda step: factor((step + 0.5) / steps, step / steps, epochs))"

COSINE = '''\
def factor(t, epochs):
    """Half a cosine over the run, on the learning rate after t epochs."""
    return {final}(1 + math.cos(math.pi * t / epochs)) / 2
'''
WARM_COSINE = '''\
def factor(middle, t, epochs):
    """Half a cosine after a linear warm-up, on the learning rate after t epochs."""
    warmup = {warmup} * epochs
    if t < warmup:
        return min(middle / warmup, 1.0)
    return {final}(1 + math.cos(math.pi * (t - warmup) / (epochs - warmup))) / 2
'''
STEP = '''\
def factor(t, epochs):
    """Falls at every milestone, on the learning rate after t epochs."""
    passed = sum(int(t) >= round(share * epochs) for share in {milestones})
    return {gamma}**passed
'''
CYCLIC = '''\
def factor(t, epochs):
    """Up and down again, on the learning rate after t epochs."""
    phase = t / {period} % 1
    return {low} + {rest} * (1 - abs(2 * phase - 1))
'''
DECAY = '''\
def factor(t, epochs):
    """Falls as a power of time, on the learning rate after t epochs."""
    return ({offset} / ({offset} + t)) ** {power}
'''
ONE_CYCLE = '''\
def factor(t, epochs):
    """Up along half a cosine, then down along another, on the learning rate after t epochs."""
    peak = {rising} * epochs
    if t < peak:
        return 1 - {below} * (1 + math.cos(math.pi * t / peak)) / 2
    share = (t - peak) / (epochs - peak)
    return {end} + {above} * (1 + math.cos(math.pi * share)) / 2
'''
OWN = '''\
def factor(t, epochs):
    """{name}'s, on the learning rate after t epochs."""
    times = torch.tensor([t], dtype=torch.float64)
    return {schedule}.factors(times, epochs).item()
'''


def factor_of(schedule: ScheduleSettings) -> Piece | None:
    """The function, and the scheduler that calls it before every step; None where it is 1."""
    if isinstance(schedule, Constant):
        return None
    needed = (Import("math"), Import("torch.optim.lr_scheduler", "LambdaLR"))
    if isinstance(schedule, Cosine):
        final = schedule.final
        text = f"{literal(final)} + {literal(1 - final)} * " if final else ""
        if not schedule.warmup:
            return Piece(COSINE.format(final=text), needed, LAMBDA)
        warm = WARM_COSINE.format(final=text, warmup=literal(schedule.warmup))
        return Piece(warm, needed, WARMED)
    if isinstance(schedule, OneCycle):
        given = {
            "rising": schedule.rising,
            "below": 1 - schedule.start,
            "end": schedule.end,
            "above": 1 - schedule.end,
        }
        return Piece(ONE_CYCLE.format(**{k: literal(v) for k, v in given.items()}), needed, LAMBDA)
    if isinstance(schedule, Step):
        milestones = literal(schedule.milestones)
        text = STEP.format(milestones=milestones, gamma=literal(schedule.gamma))
        return Piece(text, needed[1:], LAMBDA)
    if isinstance(schedule, Cyclic):
        low, rest = literal(schedule.low), literal(1 - schedule.low)
        text = CYCLIC.format(period=literal(schedule.period), low=low, rest=rest)
        return Piece(text, needed[1:], LAMBDA)
    if isinstance(schedule, Decay):
        text = DECAY.format(offset=literal(schedule.offset), power=literal(schedule.power))
        return Piece(text, needed[1:], LAMBDA)
    made = settings_call(schedule)
    text = OWN.format(name=made.name, schedule=made.python(1))
    return Piece(text, (Import("torch"), needed[1], *made.imports()), LAMBDA)
