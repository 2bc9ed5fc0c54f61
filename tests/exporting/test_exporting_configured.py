"""Hydra and Lightning make of an export what TrialConfig.build makes, for every method."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from exporting.test_exporting_program import MORE, SPACES, default
from reference.exported import exported
from torch import nn

from vrtune import (
    SCSG,
    SGD,
    SVRG,
    Adam,
    Cosine,
    Library,
    MetaInit,
    Task,
    TrialConfig,
    export,
    load_config,
)
from vrtune.errors import UsageError
from vrtune.exporting.configured import Run, for_hydra, for_lightning, steps_of
from vrtune.exporting.formats import FORMATS
from vrtune.lanes.batches import bounds
from vrtune.optim import Scheduler
from vrtune.searching.result import SearchResult

TASK = Task(model="softmax", epochs=4, batch_size=8)
RUN = Run(4, 2)  # 16 samples
CONFIGS = {
    **{name: default(name) for name in SPACES},
    **{name: config for name, config in MORE.items() if name not in ("two", "saga")},
    "svrg-over-adam": TrialConfig(
        estimator=SVRG(snapshot_period=2), optimizer=Adam(lr=0.01), schedule=Cosine(warmup=0.2)
    ),
}

FEW = {"scsg", "storm", "svrg", "period-late", "svrg-over-adam"}  # one of each kind

every = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in FEW else pytest.mark.slow) for n in CONFIGS]
)


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def trained(net: nn.Module, optimizer: Any, scheduler: Any, *, after: str = "step") -> torch.Tensor:
    """The weights after a run whose scheduler is stepped after every step, or every epoch."""
    x, y = torch.randn(16, 6), torch.randint(3, (16,))
    parts = [slice(0, 8), slice(8, 16)]

    def gradient(part: slice) -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[part]), y[part])
        loss.backward()
        return loss

    for _ in range(RUN.epochs):
        for i, part in enumerate(parts):
            anew = i == 0 and isinstance(getattr(optimizer, "estimator", None), SCSG)
            if anew or getattr(optimizer, "snapshot_due", False):
                optimizer.snapshot(parts[i:], gradient, sizes=[8] * len(parts[i:]))
            optimizer.step(lambda part=part: gradient(part))
            if scheduler is not None and (after == "step" or i == len(parts) - 1):
                scheduler.step()
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def built(config: TrialConfig, *, after: str = "step") -> torch.Tensor:
    net = model()
    optimizer, scheduler = config.build(net, epochs=RUN.epochs, steps=2)
    if scheduler is not None and after == "epoch":
        scheduler = Scheduler(optimizer, config.schedule, RUN.epochs, 1)
    return trained(net, optimizer, scheduler, after=after)


@every
def test_hydra_makes_the_same(name: str) -> None:
    instantiate = pytest.importorskip("hydra.utils").instantiate
    config = CONFIGS[name]
    groups = for_hydra(config, TASK, RUN)
    assert groups
    net = model()
    optimizer = instantiate(groups["optimizer"])(net.parameters())
    made = groups.get("scheduler")
    scheduler = instantiate(made)(optimizer) if made else None
    found = trained(net, optimizer, scheduler)
    torch.testing.assert_close(found, built(config), rtol=0, atol=1e-6)


@every
def test_lightning_makes_the_same(name: str) -> None:
    """As LightningCLI does: jsonargparse checks, and classes are given parameters and the rest."""
    groups = for_lightning(CONFIGS[name], RUN)
    assert groups
    parser = lightning_parser()
    made_of = getattr(parser, "instantiate", None) or parser.instantiate_classes  # before 4.49
    given = made_of(parser.parse_object(groups))
    net = model()
    optimizer = instantiated(net.parameters(), given["optimizer"])
    made = given.get("lr_scheduler")
    scheduler = instantiated(optimizer, made) if made else None
    found = trained(net, optimizer, scheduler, after="epoch")
    torch.testing.assert_close(found, built(CONFIGS[name], after="epoch"), rtol=0, atol=1e-6)


def lightning_parser() -> Any:
    """The options of LightningCLI for optimizer and scheduler, as it makes them."""
    jsonargparse = pytest.importorskip("jsonargparse")
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    usual = {"instantiate": False, "fail_untyped": False}
    parser.add_subclass_arguments((torch.optim.Optimizer,), "optimizer", skip={"params"}, **usual)
    schedulers = (torch.optim.lr_scheduler.LRScheduler,)
    skip = {"optimizer"}
    parser.add_subclass_arguments(schedulers, "lr_scheduler", skip=skip, required=False, **usual)
    return parser


def instantiated(first: Any, init: Any) -> Any:
    """As lightning.pytorch.cli.instantiate_class does it."""
    home, _, name = init["class_path"].rpartition(".")
    return getattr(import_module(home), name)(first, **init.get("init_args", {}))


def test_lightning_refuses_a_misspelt_setting() -> None:
    """Or the test above could not fail."""
    jsonargparse = pytest.importorskip("jsonargparse")
    groups = for_lightning(CONFIGS["svrg"], RUN)
    assert groups
    groups["optimizer"]["init_args"]["momentun"] = 0.9
    with pytest.raises(jsonargparse.ArgumentError, match="momentun"):
        lightning_parser().parse_object(groups)


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_a_document_instantiates(
    format: str, found: tuple[SearchResult, str], tmp_path: Path
) -> None:
    """instantiate(OmegaConf.load("best.yaml").hydra.optimizer)(params)"""
    pytest.importorskip("hydra")
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    result, url = found
    path = tmp_path / f"best.{format}"
    path.write_text(export(result.study, format=format, storage=url))
    hydra = OmegaConf.load(path).hydra
    net = instantiate(hydra.model)(shape=(1, 8, 8), classes=10)
    optimizer = instantiate(hydra.optimizer)(net.parameters())
    assert type(net).__name__ == "Softmax"
    assert optimizer.defaults["lr"] == load_config(path).config.optimizer.lr


@pytest.mark.parametrize("name", ["storm", "svrg_late", "svrg-over-adam", "period-late"])
def test_settings_survive_omegaconf(name: str) -> None:
    """Lists are lists, not OmegaConf's own."""
    pytest.importorskip("hydra")
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    config = OmegaConf.create(yaml.safe_load(yaml.safe_dump(for_hydra(CONFIGS[name], TASK, RUN))))
    optimizer = instantiate(config.optimizer)(model().parameters())
    if "scheduler" in config:
        assert instantiate(config.scheduler)(optimizer).get_last_lr()


def test_metainit_is_a_group() -> None:
    instantiate = pytest.importorskip("hydra.utils").instantiate
    config = TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(steps=3))
    groups = for_hydra(config, TASK, RUN)
    assert groups
    net = model()
    before = torch.cat([p.detach().flatten() for p in net.parameters()])
    instantiate(groups["init"])(net, (6,))
    assert not torch.equal(before, torch.cat([p.detach().flatten() for p in net.parameters()]))


def test_formats_are_the_sections() -> None:
    whole = exported(CONFIGS["mars"], TASK).model_copy(
        update={"hydra": for_hydra(CONFIGS["mars"], TASK, RUN), "lightning": {"optimizer": {}}}
    )
    assert yaml.safe_load(FORMATS["hydra"](whole)) == whole.hydra
    assert yaml.safe_load(FORMATS["lightning"](whole)) == {"optimizer": {}}


def test_what_no_dotted_path_names_is_told() -> None:
    library = Library("torch.optim.SGD", lr=0.1, rest=Library("torch.optim.Adam", lr=0.01))
    config = TrialConfig(optimizer=library)
    assert for_hydra(config, TASK, RUN) is None
    assert for_lightning(config, RUN) is None
    with pytest.raises(UsageError, match="hydra takes dotted paths"):
        FORMATS["hydra"](exported(config, TASK))


@pytest.mark.parametrize("samples", [1, 7, 8, 9, 16, 17, 18])
@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_steps_are_those_of_the_lanes(samples: int, batch_size: int) -> None:
    assert steps_of(samples, batch_size) == len(bounds(samples, batch_size))
    assert steps_of(None, batch_size) is None
