"""What every chain has: a posterior to sample, and samples of it that it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from vrtune.chains.noise import normals
from vrtune.errors import UsageError
from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings

ALONE = "{} samples a posterior in vrtune's own loop alone: search it, or call vrtune.train"


class Chain(OptimizerSettings):
    """A step rule that samples weights, and is judged by the mean prediction of those it keeps.

    p(w) ~ exp(-N U(w) / temperature),   U(w) = F(w) + prior_precision / (2 N) ||w||^2

    F is the mean loss over the N samples of a lane's training part: with cross-entropy, p is the
    posterior of the weights under a prior N(0, 1 / prior_precision). The step size is that of U.
    """

    temperature: float = Field(default=1.0, ge=0)
    prior_precision: float = Field(default=1.0, ge=0)
    burn_in: float = Field(default=0.5, ge=0, lt=1, description="share of the run")
    samples: int = Field(default=10, ge=1, le=10_000, description="that are kept")

    @classmethod
    def words_of(cls, fields: Iterable[str]) -> list[str]:
        """And `samples`, which decides how large the state is."""
        fields = list(fields)
        return [*super().words_of(fields), *(name for name in fields if name == "samples")]


class ChainRule(StepRule):
    """Keeps `samples` of the weights, evenly spread over the steps after the burn-in.

    The last of them are the weights at the end of the run. Until the first is taken a lane is
    judged by the weights that train. Batch-norm statistics are those of the last step for all of
    them: nets without batch norm are what posteriors are for.
    """

    def __init__(self, weights: Tensor, samples: int) -> None:
        count = torch.zeros(len(weights), 1, dtype=torch.int64, device=weights.device)
        self.samples = samples
        self.state = {
            "chain": weights.new_zeros(len(weights), samples, weights.shape[1]),
            "kept": count,
            "step": count.clone(),
        }

    def held(self, settings: OptimizerSettings) -> int:
        """A row for every sample."""
        return self.samples

    def seat(self, rows: Sequence[int], settings: Sequence[OptimizerSettings]) -> None:
        """UsageError in a loop that can't say how many samples and steps there are."""
        if "steps" not in self.about:
            raise UsageError(ALONE.format(type(settings[0]).__name__))

    def noise(self, weights: Tensor) -> Tensor:
        """Standard normal numbers of the next step, [L, P]."""
        return normals(self.about["key"], self.state["step"].add_(1), weights)

    def force(self, weights: Tensor, d: Tensor, hp: dict[str, Tensor]) -> Tensor:
        """The estimate of grad U(w), [L, P], from that of grad F(w)."""
        return torch.addcmul(d, weights, hp["prior_precision"] / self.about["samples"])

    def heat(self, eta: Tensor, hp: dict[str, Tensor]) -> Tensor:
        """The variance of a step's noise, 2 eta T / N, [L, 1]."""
        return 2 * eta * hp["temperature"] / self.about["samples"]

    def take(self, weights: Tensor, hp: dict[str, Tensor]) -> None:
        """Keeps the weights after a step, if it is one of those that are due."""
        chain, kept = self.state["chain"], self.state["kept"]
        steps = self.about["steps"]
        burnt = (hp["burn_in"] * steps).long()
        after = (steps - burnt).clamp(min=1)
        due = (self.state["step"] - burnt) * after.clamp(max=self.samples) // after
        due.clamp_(0, self.samples)
        lanes = torch.arange(len(weights), device=weights.device)
        slot = (due - 1).clamp_(min=0).squeeze(1)
        chain[lanes, slot] = torch.where(due > kept, weights, chain[lanes, slot])
        kept.copy_(due)

    def ensemble(self, weights: Tensor) -> list[Tensor]:
        """The samples that were kept, and the weights that train if some lane has none yet."""
        kept = self.state["kept"]
        training = [weights] * bool((kept == 0).any())
        return training + list(self.state["chain"].unbind(1)[: int(kept.max())])

    def kept(self) -> list[Tensor]:
        """The samples that the lane with the fewest has kept, all of them at the end of a run."""
        return list(self.state["chain"].unbind(1)[: int(self.state["kept"].min())])

    def shares(self) -> Tensor:
        """Of each of these in the mean prediction, [L, m]: equal ones of what a lane has kept."""
        kept = self.state["kept"]
        none = (kept == 0).double()
        slots = torch.arange(int(kept.max()), device=kept.device)
        of_samples = (slots < kept) / kept.clamp(min=1).double()
        return torch.cat([none, of_samples], 1) if bool(none.any()) else of_samples
