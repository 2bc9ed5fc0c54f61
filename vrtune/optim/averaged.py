"""The mean of a model's weights, as a model of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from vrtune.averages import Average
from vrtune.estimators import Clock
from vrtune.optim.told import settings_of
from vrtune.units import AverageSettings


class Averaged(AveragedModel):
    """A copy of a model that follows the mean of its weights, as lanes are judged by theirs.

    mean <- mean + rate (w - mean),   at every `update_parameters`; buffers of numbers likewise

    torch.optim.swa_utils.AveragedModel, whose rate is a unit's of vrtune.

    Args:
        model: what is trained.
        average: settings, such as vrtune.Polyak() or {"kind": "polyak"}.
        epochs: those of the run.
        steps: batches of an epoch.

    Raises:
        UsageError: these are no settings of an average.

    Example:
        >>> import torch, vrtune
        >>> from vrtune.optim import Averaged
        >>> model = torch.nn.Linear(2, 1)
        >>> mean = Averaged(model, vrtune.Polyak(), epochs=10, steps=20)
        >>> mean.update_parameters(model)  # after every step
        >>> bool((mean.module.weight == model.weight).all())
        True
    """

    def __init__(
        self,
        model: nn.Module,
        average: AverageSettings | dict[str, Any],
        *,
        epochs: int,
        steps: int,
    ) -> None:
        super().__init__(model, use_buffers=True)
        self.settings, self.epochs, self.steps = (
            settings_of(AverageSettings, average),
            epochs,
            steps,
        )
        self._rule: Average = self.settings.algorithm(torch.zeros(1, 1), **self.settings.words())
        for name, tensor in self._rule.state.items():
            self.register_buffer(f"average_{name}", tensor)  # saved, and moved with the model

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Takes in the weights and buffers of a model, after a step."""
        done = int(self.n_averaged)
        at = [float(done // self.steps), float(self.epochs), 1.0]
        clock = Clock(*(torch.tensor([[value]]) for value in at))
        hp = {name: torch.tensor([v]) for name, v in self.settings.numbers().items()}
        state = {name: getattr(self, f"average_{name}").cpu() for name in self._rule.state}
        self._rule.state = state
        rate = float(self._rule.rate(hp, clock))
        for name, tensor in state.items():
            getattr(self, f"average_{name}").copy_(tensor)
        theirs = [*model.parameters(), *model.buffers()]
        for mean, now in zip(
            [*self.module.parameters(), *self.module.buffers()], theirs, strict=True
        ):
            now = now.detach().to(mean.device)
            if mean.is_floating_point():
                mean.lerp_(now, rate)
            else:
                mean.copy_(now)
        self.n_averaged += 1
