"""The matrix W [lanes, parameters], everything else that has one row a lane, and who sits where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vrtune.averages import Average
from vrtune.estimators import Clock, Estimator
from vrtune.gradients.keyed import RATE, words
from vrtune.gradients.layout import Layout, flatten
from vrtune.gradients.oracle import parts_of
from vrtune.lanes.attributes import Attributes, attributes
from vrtune.lanes.batches import Stream
from vrtune.lanes.keys import key
from vrtune.optimizers import StepRule
from vrtune.penalties import Penalty
from vrtune.trial_config import TrialConfig

if TYPE_CHECKING:
    from vrtune.lanes.states import State


@dataclass
class Lane:
    """One training run: a trial's settings on one stream of batches."""

    trial: int
    config: TrialConfig
    stream: Stream
    epoch: int = 0
    gradient_computations: float = 0.0
    state: State | None = None  # that it goes on from, once it is seated

    def over(self, epochs: int) -> None:
        """Settles what the settings say as a share of a run, which has so many epochs."""
        estimator = self.config.estimator.over(epochs)
        self.config = self.config.model_copy(update={"estimator": estimator})

    @property
    def partition(self) -> int:
        """The epoch whose partition into batches the next epoch uses: that of the last snapshot."""
        method = self.config.estimator
        since = self.epoch - method.start
        if not method.keeps_snapshot or since < 0:
            return self.epoch
        return self.epoch - since % method.period

    @property
    def cut(self) -> int:
        """The epoch whose cut into batches the next epoch visits: that of the partition, or the
        first one where all of the run's are the same."""
        return 0 if self.config.estimator.holds_partition else self.partition

    @property
    def started(self) -> bool:
        """False while a late start has the estimator wait."""
        return self.epoch >= self.config.estimator.start

    def cost_of(self, batches: int) -> float:
        """Gradient computations of a step of the next epoch, which has so many batches. The loss
        over all of them, without gradients, counts as a third of theirs."""
        method, rule = self.config.estimator, self.config.optimizer
        estimate = method.cost if self.started else 1.0
        return rule.cost + (2 * estimate + batches / 3 if rule.adjusts else estimate)


PARTS = ("estimator", "optimizer", "penalty", "average")  # of a setting, that run in every step


@dataclass(frozen=True)
class Program:
    """What lanes must share to be trained at once: algorithms, and their settings that are words.

    `Program.of(config)` is that of a setting; equal programs compare equal.
    """

    estimator: type[Estimator]
    optimizer: type[StepRule]
    penalty: type[Penalty]
    average: type[Average]
    words: str  # the settings that are no numbers, as text that can be compared
    like: TrialConfig = field(compare=False, repr=False)  # any setting of the program

    @staticmethod
    def of(config: TrialConfig) -> Program:
        """The program that runs a setting."""
        units = [getattr(config, part) for part in PARTS]
        words = repr([unit.words() for unit in units])
        algorithms = {part: u.algorithm for part, u in zip(PARTS, units, strict=True)}
        return Program(**algorithms, words=words, like=config)

    def make(self, weights: Tensor) -> tuple[Estimator, StepRule, Penalty, Average]:
        """The algorithms with room for the lanes of `weights` [L, P]."""
        like = self.like
        return (
            self.estimator(weights, **like.estimator.words()),
            self.optimizer(weights, **like.optimizer.words()),
            self.penalty(**like.penalty.words()),
            self.average(weights, **like.average.words()),
        )


class Start:
    """What a lane starts from: a module's parameters as one row [P], and its buffers."""

    def __init__(self, module: nn.Module) -> None:
        self.row = flatten(module)
        self.buffers = {name: b.clone() for name, b in module.named_buffers()}


class Rows:
    """Weights, buffers, hyperparameters and the method's state of L lanes.

    All of it is allocated once and changed in place; `resize` alone changes the number of rows.
    """

    def __init__(
        self, module: nn.Module, program: Program, lanes: int, most: int | None = None
    ) -> None:
        """`program` is what all lanes share; `most` are the rows of one gradient, or all."""
        self.most = most
        self.layout = Layout(module)
        row = flatten(module)
        self.W = row.new_zeros(lanes, self.layout.size)
        self.buffers = {
            name: torch.zeros(lanes, *b.shape, dtype=b.dtype, device=b.device)
            for name, b in module.named_buffers()
        }
        own = {id(t): name for name, t in [*module.named_parameters(), *module.named_buffers()]}
        state = module.state_dict(keep_vars=True)
        self._kept = {name: own[id(t)] for name, t in state.items() if id(t) in own}
        self.estimator, self.optimizer, self.penalty, self.average = program.make(self.W)
        for unit in (self.estimator, self.optimizer, self.penalty):
            unit.shapes = tuple(self.layout.shapes.values())
        self.hp: dict[str, dict[str, Tensor]] = {part: {} for part in PARTS}
        self.about = {
            "samples": row.new_zeros(lanes, 1),
            "steps": torch.zeros(lanes, 1, dtype=torch.int64, device=row.device),
            "key": torch.zeros(lanes, 2, dtype=torch.int32, device=row.device),
        }
        self.optimizer.about = self.about
        self.mean: dict[str, Tensor] = {}  # of the weights, under "", and of buffers, if averaged
        if self.average.keeps:
            floats = {n: b for n, b in self.buffers.items() if b.is_floating_point()}
            self.mean = {n: torch.zeros_like(t) for n, t in {"": self.W, **floats}.items()}
        self.times = {name: row.new_zeros(lanes, 1) for name in ("epoch", "epochs", "factor")}
        self.before: list[Attributes] = []  # of the units, when their first epoch began

    def named(self, weights: Tensor | None = None) -> dict[str, Tensor]:
        """What is kept of lanes, [L, ...] each, by the names of the model's state_dict: the weights
        that they are judged by, or others, and the buffers, tied ones under each name."""
        if weights is None:
            weights = self.mean[""] if self.mean else self.optimizer.judged(self.W)
        views = self.layout.views(weights) | self.judged_buffers()
        return {name: views[source] for name, source in self._kept.items()}

    def parts(self, count: int) -> list[slice]:
        """So many rows in parts, each to be computed at once."""
        return parts_of(count, max(1, -(-count // (self.most or max(1, count)))))

    @property
    def units(self) -> tuple[object, ...]:
        """The algorithms that run in every step."""
        return self.estimator, self.optimizer, self.penalty, self.average

    def groups(self) -> list[dict[str, Tensor]]:
        """Every dictionary of tensors that has one row a lane."""
        states = self.estimator.state, self.optimizer.state, self.average.state
        return [self.buffers, *states, *self.hp.values(), self.times, self.about, self.mean]

    def average_in(self) -> None:
        """Moves the means to the weights and buffers of this step."""
        if self.average.keeps:
            rate = self.average.rate(self.hp["average"], self.clock)
            for name, mean in self.mean.items():
                now = self.buffers[name] if name else self.W
                mean.lerp_(now, rate.to(mean.dtype).view(-1, *[1] * (mean.dim() - 1)))

    def judged(self) -> list[Tensor]:
        """The weights [L, P] that lanes are judged by, whose predictions are averaged."""
        if self.mean:
            return [self.mean[""]]
        return self.optimizer.ensemble(self.W)

    def shares(self) -> Tensor | None:
        """The share [L, m] of each of them in the mean prediction; None: they are alike."""
        return None if self.mean else self.optimizer.shares()

    def judged_buffers(self) -> dict[str, Tensor]:
        """The buffers that go with them."""
        return {**self.buffers, **{name: mean for name, mean in self.mean.items() if name}}

    @property
    def clock(self) -> Clock:
        """The time of every lane, of which estimators are told."""
        return Clock(**self.times)

    def tick(self, epochs: list[int], total: int) -> None:
        """Sets the clock: every lane's epoch, and the epochs of the whole run."""
        self.before = self.before or attributes(self.units)
        self.times["epoch"].copy_(torch.tensor(epochs).unsqueeze(1))
        self.times["epochs"].fill_(total)

    def write(self, rows: Tensor, lanes: list[Lane], starts: list[Start]) -> None:
        """Puts fresh lanes into `rows` [r]: weights and buffers of `starts`, settings, no state.

        A tensor at a time, not a lane at a time: on a GPU each write has its price.
        """
        self.W[rows] = torch.stack([start.row for start in starts])
        for name, b in self.buffers.items():
            b[rows] = torch.stack([start.buffers[name] for start in starts])
        for part, hp in self.hp.items():
            columns = [getattr(lane.config, part).numbers() for lane in lanes]
            for name in columns[0]:
                values = self.W.new_tensor([column[name] for column in columns])
                if name not in hp:
                    hp[name] = self.W.new_zeros(len(self.W), values.shape[1])
                hp[name][rows] = values
        names = torch.tensor([key(*lane.stream.key("noise of steps")) for lane in lanes])
        self.about["key"][rows] = words(names).to(self.W.device)
        counts = [[float(len(lane.stream.train))] for lane in lanes]
        self.about["samples"][rows] = self.W.new_tensor(counts)
        for group in (self.estimator.state, self.optimizer.state, self.average.state):
            for tensor in group.values():
                tensor.index_fill_(0, rows, 0)
        self.optimizer.seat(rows.tolist(), [lane.config.optimizer for lane in lanes])

    def start(self, rows: Tensor) -> None:
        """Lets what runs in every step prepare `rows`, whose weights are ready now."""
        if RATE in self.buffers:
            self.buffers[RATE][rows] = self.hp["penalty"]["rate"][rows].to(self.buffers[RATE])
        for name, mean in self.mean.items():  # that of the lane before may not be finite
            mean[rows] = (self.buffers[name] if name else self.W)[rows]
        self.estimator.admit(rows, self.W)
        self.optimizer.admit(rows, self.hp["optimizer"])

    def resize(self, keep: list[int], extra: int) -> None:
        """Keeps the rows named, in that order, and adds `extra` empty ones."""

        def resized(tensor: Tensor) -> Tensor:
            return torch.cat([tensor[keep], tensor.new_zeros(extra, *tensor.shape[1:])])

        self.optimizer.keep(keep, extra)
        self.W = resized(self.W)
        for group in self.groups():
            group.update({name: resized(tensor) for name, tensor in group.items()})
