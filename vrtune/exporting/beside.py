"""What goes beside a method in a program: rates of dropout layers, and the mean of the weights."""

from __future__ import annotations

from dataclasses import dataclass

from vrtune.averages import Exponential, Last, Polyak
from vrtune.exporting.calls import Call, Expression
from vrtune.exporting.code import literal
from vrtune.exporting.imports import Import
from vrtune.exporting.method import OPTIM, settings_call
from vrtune.units import AverageSettings, PenaltySettings

SWA = "torch.optim.swa_utils"
DROP = """\
    for layer in model.modules():
        if isinstance(layer, torch.nn.modules.dropout._DropoutNd):
            layer.p = {rate}
"""


@dataclass(frozen=True)
class Mean:
    """The lines of a program that keep the mean of the weights, in which `epoch`, `epochs` and, if
    it `counts`, `steps` are known."""

    setup: str
    update: str  # after a step
    imports: tuple[Import, ...]
    counts: bool = False
    result: str = "mean.module"


def rates_of(penalty: PenaltySettings) -> str:
    """Lines that set the rates of a model's dropout layers; none where they have their own."""
    if not penalty.algorithm.drops:
        return ""
    return DROP.format(rate=literal(penalty.rate))  # type: ignore[attr-defined]


def mean_of(average: AverageSettings) -> Mean | None:
    """The mean by which the model is judged; None where that is the last weights."""
    model, update = Import(SWA, "AveragedModel"), "mean.update_parameters(model)\n"
    match average:
        case Last():
            return None
        case Exponential():
            rate = f"get_ema_avg_fn({literal(average.decay)})"
            return Mean(_made(rate), update, (model, Import(SWA, "get_ema_avg_fn")))
        case Polyak():
            setup, needed = _made("get_swa_avg_fn()"), (model, Import(SWA, "get_swa_avg_fn"))
            if not average.start_share:
                return Mean(setup, update, needed)
            share = f"round({literal(average.start_share)} * epochs)"
            first = f"    first = min({share}, epochs - 1)  # epoch that the mean begins with\n"
            late = f"if epoch >= first:\n    {update}"
            either = "mean.module if mean.n_averaged else model"  # of a run that was cut short
            return Mean(first + setup, late, needed, result=either)
    run = {"epochs": Expression("epochs"), "steps": Expression("steps")}
    call = Call(OPTIM, "Averaged", {"average": settings_call(average), **run}, "model")
    return Mean(f"    mean = {call.python(1)}\n", update, tuple(call.imports()), counts=True)


def _made(rate: str) -> str:
    """Its multi_avg_fn can't take the mean of the integers that count batch norm's batches."""
    return f"    mean = AveragedModel(model, avg_fn={rate}, use_buffers=True)\n"
