"""The part of a program that has the loss, and what the test set says at the end."""

from __future__ import annotations

from dataclasses import dataclass

from vrtune.config import Task
from vrtune.exporting.code import literal
from vrtune.exporting.imports import Import, Piece
from vrtune.exporting.owned import called, imported, is_class
from vrtune.own.objects import is_object, short

F = Import("torch.nn", "functional", "F")
OF_NUMBERS = {"mse": "F.mse_loss", "mae": "F.l1_loss", "huber": "F.smooth_l1_loss"}

BALANCED = '''\
def balanced_accuracy(predicted, y):
    """The mean over classes of the share that is right."""
    right = (predicted == y).float()
    return torch.stack([right[y == label].mean() for label in y.unique()]).mean()
'''
MACRO_F1 = '''\
def macro_f1(predicted, y):
    """The mean over classes of F1 = 2 right / (samples of the class + predictions of it)."""
    scores = []
    for label in torch.cat([predicted, y]).unique():
        named, there = predicted == label, y == label
        scores.append(2 * (named & there).sum() / (named.sum() + there.sum()))
    return torch.stack(scores).mean()
'''
ECE = '''\
def calibration_error(outputs, y):
    """Of 15 bins by the largest probability: how far it is from the share that is right."""
    probability, predicted = outputs.double().softmax(1).max(1)
    gap = (predicted == y).double() - probability
    bins = (probability * 15).ceil().long().sub(1).clamp(0, 14)
    return gap.new_zeros(15).index_add(0, bins, gap).abs().sum() / len(y)
'''
FORMULAS = {
    "accuracy": "(predicted == y).float().mean()",
    "r2": "1 - (predicted - y).square().sum() / (y - y.mean()).square().sum()",
    "rmse": "(predicted - y).square().mean().sqrt()",
    "mae": "(predicted - y).abs().mean()",
}
FUNCTIONS = {
    "balanced-accuracy": ("balanced_accuracy(predicted, y)", BALANCED),
    "macro-f1": ("macro_f1(predicted, y)", MACRO_F1),
    "ece": ("calibration_error(outputs, y)", ECE),
}

EVALUATE = '''\
@torch.no_grad()
def evaluate(model, x, y{more}):
    """What the test set says."""
    model.eval()
{outputs}
{predicted}
    return {{
{metrics}    }}
'''
OUTPUTS = "    outputs = torch.cat([model(part) for part in x.split(500)])"
CAST = """\
    with torch.autocast(x.device.type, torch.bfloat16):
        outputs = torch.cat([model(part) for part in x.split(500)]).float()"""


@dataclass(frozen=True)
class Loss:
    """The loss of a batch as an expression of `outputs` and `target`; what is to be set before."""

    text: str
    imports: tuple[Import, ...] = ()
    before: str = ""


def loss_of(task: Task, *, numbers: bool) -> Loss:
    """A task's loss, the mean over a batch."""
    name = task.loss
    if name == "auto":
        name = "mse" if numbers else "cross-entropy"
    if is_object(name):
        made = "()" * is_class(name)
        return Loss(f"{called(name)}{made}({{outputs}}, {{target}}).mean()", (imported(name),))
    if name in OF_NUMBERS:
        return Loss(f"{OF_NUMBERS[name]}({{outputs}}[:, 0], {{target}})", (F,))
    smoothed = f", label_smoothing={literal(task.label_smoothing)}" * bool(task.label_smoothing)
    if task.class_weights == "none":
        return Loss(f"F.cross_entropy({{outputs}}, {{target}}{smoothed})", (F,))
    text = f'F.cross_entropy({{outputs}}, {{target}}, weight, reduction="none"{smoothed}).mean()'
    if task.class_weights == "balanced":
        before = "    weight = len(y) / (y.max() + 1) / y.bincount()\n"
    else:
        before = (
            f"    weight = torch.tensor({literal(list(task.class_weights))}, device=x.device)\n"
        )
    return Loss(text, (F,), before)


def evaluation_of(task: Task, *, numbers: bool) -> Piece:
    """Metrics of the test set: accuracy, or of numbers R^2, and the task's own."""
    names = ["r2" if numbers else "accuracy"]
    names += [task.metric] if task.metric not in ("loss", *names) else []
    needed, parts, lines = [Import("torch")], [], []
    for name in names:
        if is_object(name):
            needed.append(imported(name))
            made = "()" * is_class(name)
            seen = "predicted" if numbers else "outputs"
            formula = f"float({called(name)}{made}({seen}.cpu(), y.cpu()))"
        else:
            formula, function = FUNCTIONS.get(name, (FORMULAS.get(name, ""), ""))
            formula = f"{formula}.item()" if "sum() /" not in formula else f"({formula}).item()"
            parts += [function] if function else []
        lines.append(f'        "{short(name)}": {formula},\n')
    predicted = "outputs[:, 0] * y_std + y_mean" if numbers else "outputs.argmax(1)"
    used = any("predicted" in line for line in lines)
    text = EVALUATE.format(
        more=", y_mean, y_std" * numbers,
        outputs=CAST if task.precision == "bfloat16" else OUTPUTS,
        predicted=f"    predicted = {predicted}" if used else "",
        metrics="".join(lines),
    )
    call = "evaluate(model, x_test, y_test" + ", y_mean, y_std" * numbers + ")"
    return Piece("\n\n".join([*parts, text]), tuple(needed), call)
