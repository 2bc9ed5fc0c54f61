"""Library's settings: plain values, told apart from what its class does not take."""

from __future__ import annotations

import copy
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.optim.lr_scheduler import LambdaLR

from vrtune import STORM, Library, Task, TrialConfig, search, train
from vrtune.errors import UsageError, explain
from vrtune.lanes.memory import state_rows
from vrtune.optimizers.pair import Pair

SHAPES = (torch.Size((6, 1, 5, 5)), torch.Size((6,)), torch.Size((10, 6)))


def test_options_come_back_from_json_as_they_were() -> None:
    given = Library(
        "torch.optim.AdamW",
        lr=np.float64(0.1),
        betas=[np.float32(0.5), 0.1 + 0.2],
        amsgrad=np.bool_(True),
        foreach=None,
        eps=1e-300,
    )
    assert given.options == {
        "betas": (0.5, 0.30000000000000004),
        "amsgrad": True,
        "foreach": None,
        "eps": 1e-300,
    }
    deep = Library("some.Class", lr=1, options={"name": "x", "groups": ((1, 2.0), {"a": [None]})})
    assert deep.options == {"name": "x", "groups": ((1, 2.0), {"a": (None,)})}
    for settings in (given, deep):
        config = TrialConfig(optimizer=settings)
        back = TrialConfig.model_validate(json.loads(json.dumps(config.model_dump(mode="json"))))
        assert back == config
        assert back.model_dump_json() == config.model_dump_json()
        assert repr(back.optimizer) == repr(settings)
        assert [type(v) for v in back.optimizer.options.values()] == [
            type(v) for v in settings.options.values()
        ]
    assert eval(repr(given)) == given


def test_reading_settings_imports_neither_pytorch_nor_the_package() -> None:
    """As `vrtune show` does; nor is an option refused there that a later version renamed."""
    data = {"kind": "library", "lr": 0.1, "name": "pytorch_optimizer.Lion", "options": {"old": 1}}
    program = (
        "import sys; from vrtune import TrialConfig;"
        f"print(TrialConfig.model_validate({{'optimizer': {data}}}).optimizer);"
        "assert not {'torch', 'pytorch_optimizer'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "NAdam"}, "give a class's full name, such as torch.optim.NAdam"),
        ({}, "give a class's full name"),
        ({"name": "torch.optim."}, "give a class's full name"),
        ({"name": "torch.optim.SGD\0"}, "without the character NUL"),
        ({"foreach": print}, "an option is a finite number, a word, true or false, or a tuple"),
        ({"momentum": math.inf}, "an option is a finite number"),
        ({"momentum": torch.ones(2)}, "an option is a finite number"),
        ({"options": {"lr": 0.1}}, "lr is no option among others"),
        ({"options": {1: 0.1}}, "options have names"),
        (
            {"rest": Library("torch.optim.SGD", rest=Library("torch.optim.SGD"))},
            "has no rest of its own",
        ),
        ({"rest": Library("torch.optim.SGD", lr=0.1)}, "rest has a step size of its own: give lr"),
        ({"momentun": 0.9}, "torch.optim.SGD has no option 'momentun': did you mean momentum?"),
        ({"zzz": 0.9}, "has no option 'zzz': choose from momentum, dampening, weight_decay"),
        ({"params": 0.9}, "torch.optim.SGD has no option 'params'"),
        ({"name": "torch.optim.NAdm"}, "there is no NAdm in torch.optim: did you mean NAdam?"),
        ({"name": "torch.optim.nadam"}, "there is no nadam in torch.optim: did you mean NAdam?"),
        ({"name": "torch.optim.Optimizer"}, "torch.optim.Optimizer needs more options: give def"),
        ({"rest": {"name": "torch.nn.Linear"}}, "torch.nn.Linear is no class of torch.optim"),
    ],
    ids=repr,
)
def test_what_is_no_library(given: dict[str, Any], said: str) -> None:
    """At once, as PyTorch is imported here."""
    with pytest.raises(ValidationError) as caught:
        Library(**{"name": "torch.optim.SGD"} | given if given else {})
    assert said in explain(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("pytorch_optimizer.Lion", {"weight_deca": 0.1}, "did you mean weight_decay?"),
        ("pytorch_optimizer.Lio", {}, "there is no Lio in pytorch_optimizer: did you mean Lion?"),
        ("pytorch_optimizer.Ranger21", {}, "needs more options: give num_iterations"),
        ("pytorch_optimizer.SAM", {"rho": 0.1}, "works on its base_optimizer, and so can't be fed"),
        ("pytorch_optimizer.Lookahead", {}, "works on its optimizer, and so can't be fed"),
        ("pytorch_optimizer.LOMO", {}, "works on its model, and so can't be fed"),
        ("no_such_package.Lion", {}, "not installed: pip install no-such-package, or correct"),
        ("torch.optimm.SGD", {}, "there is no module torch.optimm, which torch.optimm.SGD names"),
        ("none_here.py:Mine", {}, "none_here.py"),
    ],
)
def test_a_class_refuses_what_it_does_not_take(name: str, options: dict, said: str) -> None:
    """Before an instance is made."""
    if name.startswith("pytorch_optimizer"):
        pytest.importorskip("pytorch_optimizer")
    with pytest.raises((UsageError, ValidationError)) as caught:
        Library(name, lr=0.1, options=options).check()
    assert said in str(caught.value)


def test_a_class_of_any_argument_takes_those_that_it_looks_for() -> None:
    """kwargs.get("use_palm") in its source; any other would be swallowed."""
    pytest.importorskip("pytorch_optimizer")
    Library("pytorch_optimizer.ScheduleFreeAdamW", lr=0.1, use_palm=True).check()
    with pytest.raises((UsageError, ValidationError), match="has no option 'use_plam'"):
        Library("pytorch_optimizer.ScheduleFreeAdamW", lr=0.1, use_plam=True).check()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torch.optim.LBFGS", "calls a closure for gradients of its own"),
        ("torch.optim.SparseAdam", "takes sparse gradients only: choose a class that steps along"),
        ("torch.optim.Muon", "takes no tensors of 1 and 4 dimensions, which the model has: give "),
        ("pytorch_optimizer.AdaHessian", r"differentiates the gradient \(create_graph\)"),
        ("pytorch_optimizer.SophiaH", r"differentiates the gradient \(create_graph\)"),
        ("pytorch_optimizer.A2Grad", "keeps no lr in its param groups"),
        ("pytorch_optimizer.DistributedMuon", "can't be made, as it says ValueError: Default proc"),
        ("schedulefree.AdamWScheduleFreeClosure", "calls a closure for gradients of its own"),
    ],
)
def test_a_class_that_an_estimate_cannot_feed_is_refused(name: str, said: str) -> None:
    """Where a search asks how much memory it takes, with nothing trained."""
    pytest.importorskip(name.partition(".")[0])
    before = torch.get_rng_state()
    with pytest.raises(UsageError, match=said) as caught:
        state_rows(TrialConfig(optimizer=Library(name, lr=0.1)), SHAPES)
    assert str(caught.value).startswith(name)
    assert torch.equal(torch.get_rng_state(), before)


def test_values_that_a_class_refuses_are_told_before_training() -> None:
    config = TrialConfig(optimizer=Library("torch.optim.NAdam", lr=0.1, betas=(0.9, 1.5)))
    with pytest.raises(UsageError, match=r"NAdam can't be made, as it says ValueError: Invalid b"):
        train(config, Task(model="softmax", epochs=1, limit=50), seeds=1)


# ---- for any training loop -----------------------------------------------------------------------


def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))


def steps(model: torch.nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
    x = torch.arange(12.0).view(4, 3) / 12
    for _ in range(count):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()


MUON = Library("torch.optim.Muon", lr=0.02, rest=Library("torch.optim.AdamW", lr=0.01))


def test_make_shares_out_matrices_and_the_rest() -> None:
    model = net()
    made = MUON.make(model.named_parameters(), lr=0.04)
    assert isinstance(made, Pair)
    assert [type(part).__name__ for part in made.parts] == ["Muon", "AdamW"]
    assert [group["lr"] for group in made.param_groups] == [0.04, 0.02]
    assert [[p.dim() for p in g["params"]] for g in made.param_groups] == [[2, 2], [1, 1]]
    groups = [{"params": [*model[0].parameters()], "lr": 0.3}, {"params": model[2].weight}]
    made = MUON.make(groups)
    assert [group["lr"] for group in made.param_groups] == [0.3, 0.02, 0.3]
    alone = MUON.make([model[0].bias])
    assert type(alone) is torch.optim.AdamW
    assert type(Library("torch.optim.SGD", lr=0.1).make(model.parameters())) is torch.optim.SGD


def test_a_pair_is_one_optimizer() -> None:
    """Steps of its two parts; a scheduler scales both; its state is kept and resumed."""
    one, apart, resumed = net(), net(), net()
    pair = MUON.make(one.parameters())
    matrices = torch.optim.Muon([apart[0].weight, apart[2].weight], lr=0.02)
    others = torch.optim.AdamW([apart[0].bias, apart[2].bias], lr=0.01)
    scheduler = LambdaLR(pair, lambda step: 0.5**step)
    for step in range(3):
        steps(one, pair, 1)
        scheduler.step()
        for optimizer, lr in ((matrices, 0.02), (others, 0.01)):
            optimizer.param_groups[0]["lr"] = lr * 0.5**step
        x = torch.arange(12.0).view(4, 3) / 12
        apart.zero_grad()
        apart(x).square().sum().backward()
        matrices.step()
        others.step()
    for p, q in zip(one.parameters(), apart.parameters(), strict=True):
        assert torch.equal(p, q)
    resumed.load_state_dict(one.state_dict())
    again = MUON.make(resumed.parameters())
    again.load_state_dict(copy.deepcopy(pair.state_dict()))
    assert [group["lr"] for group in again.param_groups] == [0.0025, 0.00125]
    steps(one, pair, 3)
    steps(resumed, again, 3)
    for p, q in zip(one.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(p, q)
    assert len(pair.state) == 4
    assert pair.step(lambda: 7) == 7


def test_a_step_size_of_the_estimator_is_that_of_both() -> None:
    """A group keeps its share of it: of a class that has an AdamW inside, the default one's."""
    library = Library("torch.optim.Muon", rest=Library("torch.optim.SGD"))
    assert TrialConfig(estimator=STORM(k=0.1), optimizer=library).optimizer.lr is None
    assert [g["lr"] for g in library.make(net().parameters()).param_groups] == [1e-3, 1e-3]


def test_twins_are_classes_of_pytorch() -> None:
    assert Library("torch.optim.NAdam", lr=0.1).twin() == "NAdam"
    assert MUON.twin() is None
    assert Library("some.package.NAdam", lr=0.1).twin() is None


# ---- one's own -----------------------------------------------------------------------------------

OWN = """
import torch
class Halved(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1, share=0.5):
        super().__init__(params, {"lr": lr, "share": share})
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad, alpha=-group["lr"] * group["share"])
"""


def test_a_class_in_a_file_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept with its full path; another user's file, which a study may name, is not run."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(OWN)
    library = Library("mine.py:Halved", lr=0.2, share=0.25)
    assert library.name == f"{os.path.realpath(tmp_path)}/mine.py:Halved"
    model = torch.nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    optimizer = library.make(model.parameters())
    model(torch.ones(1)).backward()
    optimizer.step()
    assert model.weight.item() == pytest.approx(before - 0.05)
    with pytest.raises(UsageError, match="has no option 'shar': did you mean share"):
        Library("mine.py:Halved", lr=0.2, shar=0.25).check()
    monkeypatch.setattr(os, "getuid", lambda: os.stat("mine.py").st_uid + 1)
    if os.stat("mine.py").st_uid:
        with pytest.raises(UsageError, match="is another user's, and would be run"):
            library.check()


SPACE = """
from vrtune import SVRG, Library, TrialConfig

def suggest(trial):
    lr = trial.suggest_float("lr", 0.01, 0.1, log=True)
    name = trial.suggest_categorical("name", ["torch.optim.NAdam", "torch.optim.RMSprop"])
    return TrialConfig(estimator=SVRG(), optimizer=Library(name, lr=lr))
"""


def test_a_search_over_classes(tmp_path: Path, url: str) -> None:
    """Their lanes train side by side, as one program; the best is trained again."""
    space = tmp_path / "classes.py"
    space.write_text(SPACE)
    task = Task(model="softmax", epochs=1, limit=100, folds=2)
    grid = {"trials": 4, "jobs": 1, "open": 4, "sampler": "random", "pruner": "none", "confirm": 0}
    found = search(space, task, storage=url, retrain_seeds=1, **grid)
    assert found.trials.complete == 4
    (again,) = found.retrained
    assert again.test_accuracy.mean > 0.2
