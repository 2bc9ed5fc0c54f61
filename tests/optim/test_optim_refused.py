"""What can't work is refused in one sentence, when it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from optim import loops
from torch import nn

import vrtune
from vrtune import optim
from vrtune.errors import UsageError
from vrtune.estimators import EstimatorSettings


def sgd(lr: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=lr)


def over(base: Any = None, estimator: Any = None, **told: Any) -> optim.VarianceReduced:
    base, estimator = base or sgd(), estimator or vrtune.SVRG()
    return optim.VarianceReduced(base, estimator, **told)


class Alone(EstimatorSettings):
    """Settings that nothing runs."""

    kind: str = "alone"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: over(base=[nn.Parameter(torch.ones(1))]), "the base is .* give an optimizer"),
        (lambda: over(base=over()), "VarianceReduced reduces variance already"),
        (lambda: over(base=torch.optim.LBFGS([torch.ones(1)])), "LBFGS calls its closure itself"),
        (lambda: over(estimator=vrtune.STORM()), r"storm sets the step size itself: give SGD lr=1"),
        (lambda: over(estimator=optim.SVRG), "is no gradient estimator: give settings"),
        (lambda: over(estimator={"kind": "svgr"}), "no gradient estimator 'svgr': choose one of"),
        (lambda: over(estimator={"kind": "scsg", "mega_batch": 1}), "mega_batch: .*2"),
        (lambda: over(estimator=Alone()), "Alone has settings only"),
        (lambda: over(epochs=3), "epochs and steps_per_epoch go together"),
        (lambda: over(epochs=3, steps_per_epoch=4, plain_steps=1), "in epochs and in steps"),
        (lambda: over(epochs=0, steps_per_epoch=4), "epochs is 0"),
        (lambda: over(plain_steps=-1), "plain_steps is -1"),
        (lambda: over(snapshot_every=0), "snapshot_every is 0"),
        (lambda: over(max_norm=0.0), "max_norm is 0.0"),
        (lambda: over(estimator=vrtune.SVRG(start_epoch=2)), "counts in epochs: give epochs="),
        (lambda: over(estimator=vrtune.SVRG(snapshot_period=2)), "counts in epochs"),
        (lambda: over(estimator=vrtune.AlphaSVRG()), "say how many there will be, snapshots="),
        (lambda: optim.AlphaSVRG([torch.ones(1)], alpha=2.0, snapshots=3), "alpha: .*less than"),
        (lambda: optim.MARS([torch.ones(1)], gamma=-1.0), "gamma: "),
        (lambda: optim.RowRule([torch.ones(1)], vrtune.SVRG()), "is no optimizer: give settings"),
        (lambda: optim.Scheduler(sgd(), {"kind": "cosine", "warmup": 2}, 3, 4), "warmup: "),
        (lambda: optim.Scheduler(sgd(), vrtune.Cosine(), 0, 4), "epochs and steps are 0 and 4"),
    ],
)
def test_is_refused_when_it_is_made(make: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        make()
    assert "\n" not in str(raised.value)


def test_misspelt_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="snapshotevery"):
        optim.SVRG([torch.ones(1)], snapshotevery=3)


def test_a_step_needs_a_closure_and_gradscaler_can_give_none() -> None:
    model = loops.net()
    optimizer = optim.MARS(model.parameters())
    with pytest.raises(UsageError, match=r"MARS needs step\(closure\).*GradScaler.*bfloat16"):
        optimizer.step()
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(model(torch.ones(3, 3)).sum()).backward()
    with pytest.raises(UsageError, match="GradScaler"):
        scaler.step(optimizer)


def test_a_snapshot_that_was_forgotten_is_told() -> None:
    model, data = loops.net(), loops.batches()
    gradient = loops.gradient_of(model)
    optimizer = optim.SVRG(model.parameters(), lr=0.1, plain_steps=2, snapshot_every=3)
    due = []
    for batch in data * 2:
        if due.count(True) < 2 and optimizer.snapshot_due:
            due.append(True)
            optimizer.snapshot(data, gradient)
        else:
            due.append(False)
        if len(due) == 9:
            break
        optimizer.step(lambda b=batch: gradient(b))
    assert due == [False, False, True, False, False, True, False, False]
    assert optimizer.snapshot_due
    with pytest.raises(UsageError, match="a snapshot is due before step 9"):
        optimizer.step(lambda: gradient(data[0]))
    scsg = optim.SCSG(model.parameters(), mega_batch=2)
    scsg.snapshot(data[:2], gradient)
    for batch in data[:2]:
        scsg.step(lambda b=batch: gradient(b))
    assert scsg.snapshot_due


def test_snapshots_are_given_batches() -> None:
    model, data = loops.net(), loops.batches()
    gradient = loops.gradient_of(model)
    optimizer = optim.SVRG(model.parameters())
    for given, said in [
        (([], gradient), "there are no batches"),
        ((data,), "give the function of a batch"),
        ((gradient,), "over closures, one a batch"),
    ]:
        with pytest.raises(UsageError, match=said):
            optimizer.snapshot(*given)
    for sizes in ([4, 4], [4, 4, 0, 4]):
        with pytest.raises(UsageError, match="as many as there are batches"):
            optimizer.snapshot(data, gradient, sizes=sizes)
    with pytest.raises(UsageError, match="storm keeps no snapshot: leave"):
        optim.STORM(model.parameters()).snapshot(data, gradient)


def test_what_lies_in_no_row_is_refused() -> None:
    frozen = nn.Linear(2, 1).requires_grad_(False)
    with pytest.raises(UsageError, match="all that the optimizer has are frozen"):
        optim.STORM(frozen.parameters()).step(lambda: None)
    apart = [nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1, device="meta"))]
    with pytest.raises(UsageError, match="the parameters lie on cpu, meta"):
        optim.STORM(apart).step(lambda: None)
    sparse = nn.Embedding(4, 2, sparse=True)
    with pytest.raises(UsageError, match="a gradient is sparse"):
        optim.STORM(sparse.parameters()).step(lambda: sparse(torch.tensor([1])).sum().backward())
    numbers = nn.Parameter(torch.ones(1, dtype=torch.complex64))
    with pytest.raises(UsageError, match="complex64 are not floating point"):
        optim.STORM([numbers]).step(lambda: None)


def test_a_state_of_another_method_or_model_is_refused() -> None:
    model, data = loops.net(), loops.batches()
    optimizer = optim.STORM(model.parameters())
    loops.train(model, optimizer, data)
    saved = optimizer.state_dict()
    with pytest.raises(UsageError, match="the state of storm, and the optimizer's estimator is"):
        optim.SVRG(model.parameters()).load_state_dict(saved)
    model[0].requires_grad_(False)
    with pytest.raises(UsageError, match="of other parameters"):
        optim.STORM(model.parameters()).load_state_dict(saved)


def test_the_bases_state_alone_is_taken_too() -> None:
    model, data = loops.net(), loops.batches()
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loops.train(model, base, data)
    optimizer = optim.SVRG(model.parameters(), lr=0.3, momentum=0.9)
    optimizer.load_state_dict(base.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.snapshot_due
    loops.train(model, optimizer, data)


class Asks(EstimatorSettings):
    """An estimator that asks for the time."""

    kind: str = "asks"  # type: ignore[assignment]


def test_an_estimator_that_asks_for_the_time_must_be_told() -> None:
    class Asking(vrtune.estimators.base.Estimator):
        def estimate(self, weights: Any, hp: Any, clock: Any, gradient: Any) -> Any:
            return gradient(weights)[0] / (1 + clock.epoch), None

    Asks.algorithm = Asking
    model = loops.net()
    optimizer = optim.VarianceReduced(torch.optim.SGD(model.parameters()), Asks())
    with pytest.raises(UsageError, match=r"asks for the clock's epoch: give .* epochs="):
        loops.train(model, optimizer, loops.batches())
    told = optim.VarianceReduced(
        torch.optim.SGD(model.parameters()), Asks(), epochs=2, steps_per_epoch=4
    )
    loops.train(model, told, loops.batches(), 2)
