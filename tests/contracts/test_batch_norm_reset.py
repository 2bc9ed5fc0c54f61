"""Running statistics know nothing of the gradients that are not a step's own."""

from __future__ import annotations

import pytest
import torch
from contracts.settings import configs
from reference import problem
from reference.spy import watch

from vrtune.estimators import ESTIMATORS

EPOCHS = 3


@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_statistics_are_those_of_the_own_steps_alone(estimator: str, fused: bool) -> None:
    """Replayed with an ordinary module that runs forward once a step, at the step's weights.

    Looped, bit for bit: the same operations on the same numbers. Fused, all lanes are one batch
    norm with more channels, whose sums may round differently.
    """
    lanes = problem.seat(configs(estimator, "sgd"), "batch", fused=fused)
    replayed = [problem.module_in(lanes, row) for row in range(len(lanes.seats))]
    seen = watch(lanes)
    for _ in range(EPOCHS):
        lanes.train_epoch()
    for row, (lane, module) in enumerate(zip(lanes.seats, replayed, strict=True)):
        epochs = problem.epochs_of(lane, EPOCHS)
        batches = [batch for epoch in epochs for batch in epoch]
        module.train()
        for (x, _), step in zip(batches, seen, strict=True):
            with torch.no_grad():
                torch.nn.utils.vector_to_parameters(step.weights[row], module.parameters())
                module(x)
        assert len(dict(module.named_buffers())) == 6
        for name, b in module.named_buffers():
            mine = lanes.rows.buffers[name][row]
            if fused:
                torch.testing.assert_close(mine, b, rtol=1e-12, atol=1e-14)
            else:
                assert torch.equal(mine, b), name
        assert int(module.layers[1].num_batches_tracked) == len(seen)
