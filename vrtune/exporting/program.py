"""An exported trial as a program in plain PyTorch that trains it: as one would write it by hand."""

from __future__ import annotations

import inspect
from pathlib import Path

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.exporting.beside import rates_of
from vrtune.exporting.code import importable, literal
from vrtune.exporting.header import header
from vrtune.exporting.imports import Import, Piece, statements
from vrtune.exporting.judging import evaluation_of, loss_of
from vrtune.exporting.loading import data_of, limit_of
from vrtune.exporting.method import by_path
from vrtune.exporting.nets import source_of
from vrtune.exporting.owned import arguments, called, imported
from vrtune.exporting.record import ExportedTrial, foreign_units
from vrtune.exporting.starting import init_of
from vrtune.exporting.training import training_of
from vrtune.models import MODELS
from vrtune.own.objects import is_object
from vrtune.trial_config import TrialConfig
from vrtune.units import Unit

GIVEN = ("shape", "classes", "outputs", "norm")  # what a model may ask for
LOAD = Import("vrtune.own.files", "load_file")
MAIN = '''\
def main():
    """Trains on the whole training set, then asks the test set."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default={seed})
    parser.add_argument("--epochs", type=int, default={epochs})
{kept}    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
{where}    given = parser.parse_args()
    torch.manual_seed(given.seed)
{precision}
    (x, y), (x_test, y_test) = {load}
{limit}{classes}    std, mean = torch.std_mean(x, dim=(0, 2, 3), keepdim=True, unbiased=False)
    std[std == 0] = 1.0
{pad}    x, x_test = (x - mean) / std, (x_test - mean) / std
{targets}    x, y, x_test, y_test = (part.to(given.device) for part in (x, y, x_test, y_test))

    model = {model}.to(given.device)
{init}    {train}
    for name, value in {evaluate}.items():
        print(f"test {{name}}: {{value:.4f}}")


if __name__ == "__main__":
    main()
'''
KEPT = """\
    parser.add_argument("--kept", type=int, default={kept}, help="epochs trained, of --epochs")
"""
STANDARD = """\
    y_std, y_mean = torch.std_mean(y, unbiased=False)
    y = (y - y_mean) / y_std
"""
TF32 = '    torch.set_float32_matmul_precision("high")\n'
PAD = "    x = F.pad(x, (4, 4, 4, 4))  # a black margin, within which crops are taken\n"


def program(exported: ExportedTrial) -> str:
    """The program: provenance in comments; model, data, method and evaluation as code."""
    config, task, numbers = exported.config, exported.protocol, exported.predicts_numbers
    loading, where = data_of(task, numbers=numbers)
    limit, model = limit_of(task, numbers=numbers), _model(task, numbers)
    init = init_of(config, task)
    kept, loss = exported.kept_epochs, loss_of(task, numbers=numbers)
    *before, train = training_of(config, task, loss, stops=kept is not None)
    judged = evaluation_of(task, numbers=numbers)
    padded = task.augment != "none"
    main = MAIN.format(
        seed=task.seed,
        epochs=task.epochs,
        where=f"{where}\n" if where else "",
        precision=TF32 if task.precision == "tf32" else "",
        load=loading.call,
        limit=f"    x, y = {limit.call}\n" if limit else "",
        classes="    classes = int(y.max()) + 1\n" if "classes" in model.call else "",
        pad=PAD if padded else "",
        targets=STANDARD if numbers else "",
        model=model.call.replace("x.shape", "x_test.shape") if padded else model.call,
        kept="" if kept is None else KEPT.format(kept=kept),
        init=rates_of(config.penalty) + (f"    {init.call}\n" if init else ""),
        train=train.call,
        evaluate=judged.call,
    )
    needed = [Import("argparse"), Import("torch")]
    needed += [Import("torch.nn", "functional", "F")] * padded
    last = Piece(main, tuple(needed))
    starting = [init] if init else []
    middle = [loading, *([limit] if limit else []), *starting, *before, train, judged, last]
    loaded, ours = _loaded(config)
    imports = [i for piece in [model, *middle] for i in piece.imports]
    named = {unit.__name__ for unit in loaded}
    imports = [i for i in imports if i.name not in named or not i.own] + ours
    tops = [statements(imports), *_by_file(loaded)]
    texts = [piece.text.rstrip("\n") for piece in [model, *middle] if piece.text]
    constants = f"BATCH_SIZE = {task.batch_size}"
    return (
        "\n\n".join([header(exported), *tops, constants, ""]) + "\n" + "\n\n\n".join(texts) + "\n"
    )


def _model(task: Task, numbers: bool) -> Piece:
    """The net's source and how it is made; of a user's own, its import."""
    given = {
        "shape": "x.shape[1:]",
        "classes": "1" if numbers else "classes",
        "norm": literal(task.norm),
    }
    if is_object(task.model):
        known = {**given, "outputs": given["classes"]}
        taken = [f"{name}={known[name]}" for name in arguments(task.model, GIVEN)]
        return Piece("", (imported(task.model),), f"{called(task.model)}({', '.join(taken)})")
    if task.model not in MODELS:
        raise UsageError(f"there is no model {task.model!r} to write: choose another format")
    home = MODELS[task.model]
    found = source_of(home.module, home.name)
    call = f"{home.name}({', '.join(given.values())})"
    return Piece("\n\n\n".join(found.parts), tuple(found.imports), call)


def _loaded(config: TrialConfig) -> tuple[list[type[Unit]], list[Import]]:
    """Units whose files no import statement can name, and what loads them."""
    own = [type(unit) for _, unit in config if unit.kind in foreign_units(config)]
    for unit in own:
        if not importable(unit.__name__):
            raise UsageError(
                f"no program can import {unit.__name__!r}, the class of {unit.role} "
                f"{unit.model_fields['kind'].default!r}: name it by a word, or choose another "
                "format"
            )
    files = [unit for unit in own if by_path(unit)]
    return files, [Import("pathlib", "Path"), LOAD] if files else []


def _by_file(units: list[type[Unit]]) -> list[str]:
    """Assignments that load them from beside the program."""
    lines = [
        f"{unit.__name__} = load_file(\n    Path(__file__).with_name("
        f"{literal(Path(inspect.getfile(unit)).name)})\n).{unit.__name__}"
        for unit in units
    ]
    return ["\n".join(lines)] if lines else []
