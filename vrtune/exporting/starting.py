"""How weights start, in a program: PyTorch's own functions, or vrtune's."""

from __future__ import annotations

import math

from vrtune.config import Task
from vrtune.exporting.code import literal
from vrtune.exporting.imports import Import, Piece
from vrtune.exporting.method import settings_call
from vrtune.inits import Default, He, MetaInit, Orthogonal, Sparse, Uniform, Xavier
from vrtune.trial_config import TrialConfig
from vrtune.units import InitSettings

OPTIM, SHAPE = "vrtune.optim", "x_test.shape[1:]"
REDRAWN = '''\
@torch.no_grad()
def initialise(model):
    """Draws weights anew; biases and norm layers stay as they are."""
    for p in model.parameters():
        if p.dim() > 1:
{lines}
'''


def init_of(config: TrialConfig, task: Task) -> Piece | None:
    """What changes the weights before the first step; None where the architecture's own stay."""
    init = config.init
    if isinstance(init, Default):
        return None
    if lines := _drawn(init):
        text = "\n".join(" " * 12 + line for line in lines)
        needed = (Import("torch"), Import("math")) if "math." in text else (Import("torch"),)
        return Piece(REDRAWN.format(lines=text), needed, "initialise(model)")
    made = settings_call(init)
    if isinstance(init, MetaInit):
        given = ", ".join(f"{name}={literal(value)}" for name, value in made.arguments.items())
        call = f"metainit(\n        model, {SHAPE}, batch_size=BATCH_SIZE, seed=given.seed,\n"
        return Piece("", (Import(OPTIM, "metainit"),), f"{call}        {given},\n    )")
    call = f"initialise(model, {SHAPE}, {made.python(1)}, batch_size=BATCH_SIZE, seed=given.seed)"
    return Piece("", (Import(OPTIM, "initialise"), *made.imports()), call)


def _drawn(init: InitSettings) -> list[str]:
    """What draws a weight tensor p; nothing where that is not all there is to do."""
    match init:
        case Uniform():
            return [
                f"bound = {_times(init.gain)}p[0].numel() ** -0.5",
                "torch.nn.init.uniform_(p, -bound, bound)",
            ]
        case Xavier():
            gain = "" if init.gain == 1 else f", gain={literal(init.gain)}"
            return [f"torch.nn.init.xavier_{init.distribution}_(p{gain})"]
        case He():
            mode = "" if init.fan == "in" else ', mode="fan_out"'
            relu = init.gain == math.sqrt(2)
            kind = ', nonlinearity="relu"' if relu else ', nonlinearity="linear"'
            draw = f"torch.nn.init.kaiming_{init.distribution}_(p{mode}{kind})"
            return [draw if relu or init.gain == 1 else f"{draw}.mul_({literal(init.gain)})"]
        case Orthogonal():
            gain = "" if init.gain == 1 else f", gain={literal(init.gain)}"
            return [f"torch.nn.init.orthogonal_(p{gain})"]
        case Sparse():
            return [
                f"weights = {_times(init.gain)}torch.randn_like(p).flatten(1)",
                "place = torch.rand_like(weights).argsort(1).argsort(1)",
                f"p.copy_((weights * (place < {init.incoming})).view_as(p))",
            ]
    return []


def _times(gain: float) -> str:
    return "" if gain == 1 else f"{literal(gain)} * "
