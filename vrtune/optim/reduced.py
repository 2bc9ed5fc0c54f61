"""Variance reduction over any optimizer of PyTorch: the estimate takes the gradient's place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from vrtune.errors import UsageError, shown
from vrtune.optim.around import Around
from vrtune.optim.passes import Pass
from vrtune.optim.refused import check_base, no_closure
from vrtune.optim.step_size import factor_of, sized
from vrtune.optim.tables import check_table, in_table
from vrtune.optim.times import times_of
from vrtune.optim.told import settings_of
from vrtune.optim.trained import Trained
from vrtune.units import EstimatorSettings

Closure = Callable[[], Any]


class VarianceReduced(Around):
    """Variance reduction over any optimizer: the estimate takes the gradient's place.

    d = estimate(g(w; B), ...),  then `base` makes its step along d

    A step calls its closure, which computes the loss of one mini-batch and its gradient, at other
    weights too. Weights, buffers (batch norm's statistics) and random numbers (dropout's masks) are
    then as after the call at the step's own weights. Methods with a snapshot need `snapshot()`
    before; `snapshot_due` says when. `param_groups` and `state` are those of `base`, so schedulers
    of the learning rate, hooks and further groups work as with it.

    A parameter without a gradient counts as one whose gradient is zero; one that never had any is
    left alone. Wrap a model in DistributedDataParallel and every process has the same estimate.

    Args:
        base: the optimizer that makes the steps; lr is 1 where the estimator sets the step size.
        estimator: settings of a gradient estimator, such as vrtune.SVRG() or {"kind": "svrg"}; your
            own as well.
        epochs: those of the run, for settings that count in epochs.
        steps_per_epoch: batches of an epoch; goes with `epochs`.
        plain_steps: steps of plain gradients before the first snapshot, if epochs are not given.
        snapshot_every: steps after which the next snapshot is overdue, if epochs are not given.
        snapshots: how many the run will take, which alpha-SVRG's decay needs, likewise.
        max_norm: the estimate is clipped to this norm, as clip_grad_norm_ clips gradients.

    Raises:
        UsageError: base and estimator don't fit together, or an argument is missing.

    Example:
        >>> import torch, vrtune
        >>> from vrtune.optim import VarianceReduced
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(8, 2), torch.ones(8, 1)
        >>> adamw = torch.optim.AdamW(model.parameters(), lr=1e-3)
        >>> optimizer = VarianceReduced(adamw, vrtune.SVRG())
        >>> def gradient(batch):
        ...     optimizer.zero_grad()
        ...     loss = torch.nn.functional.mse_loss(model(x[batch]), y[batch])
        ...     loss.backward()
        ...     return loss
        >>> batches = torch.arange(8).split(4)
        >>> training_loss = optimizer.snapshot(batches, gradient)
        >>> for batch in batches:
        ...     loss = optimizer.step(lambda: gradient(batch))
        >>> optimizer.gradient_computations
        6
    """

    def __init__(
        self,
        base: Optimizer,
        estimator: EstimatorSettings | dict[str, Any],
        *,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        plain_steps: int = 0,
        snapshot_every: int | None = None,
        snapshots: int | None = None,
        max_norm: float | None = None,
    ) -> None:
        estimator = settings_of(EstimatorSettings, estimator)
        check_base(base, estimator)
        check_table(estimator)
        if max_norm is not None and not max_norm > 0:
            raise UsageError(f"max_norm is {shown(max_norm)}: give a number above 0, or None")
        self.times = times_of(
            estimator, epochs, steps_per_epoch, plain_steps, snapshot_every, snapshots
        )
        self.estimator, self.max_norm = self.times.estimator, max_norm
        self.steps_done = 0
        self.snapshots_taken = 0
        self.gradient_computations = 0  # calls of closures
        self._taken_at: int | None = None  # the step before which the last snapshot was taken
        self._trained: Trained | None = None  # made when needed: models move between devices
        super().__init__(base)

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.estimator!r} over {self.base!r}"

    # ---- steps ---------------------------------------------------------------------------------

    @property
    def keeps_snapshot(self) -> bool:
        """Whether the method takes snapshots."""
        return self.estimator.keeps_snapshot

    @property
    def snapshot_due(self) -> bool:
        """Whether the next step refuses to be made before a snapshot is taken."""
        taken_at = None if self._is_stale() else self._taken_at
        return self.keeps_snapshot and self.times.due(self.steps_done, taken_at)

    @torch.no_grad()
    def step(
        self, closure: Closure | None = None, *, subset: int | None = None, samples: int = 1
    ) -> Any:
        """Makes a step along the estimate.

        Args:
            closure: computes the loss of the step's mini-batch, its gradient by backward(), and
                returns the loss. It is called again at other weights, and must see the same batch.
                Gradients are cleared before each call; several backward() in it add up.
            subset: the batch's number, the same in every epoch, for methods that keep a table.
            samples: of the batch, likewise, by which its gradient weighs.

        Returns:
            What the closure returned at the step's own weights.

        Raises:
            UsageError: there is no closure, a snapshot is due, or the batch has no number.
        """
        if closure is None:
            raise no_closure(self)
        if self.snapshot_due:
            raise UsageError(
                f"a snapshot is due before step {self.steps_done + 1}: call snapshot(closures), or "
                "snapshot(loader, function), first"
            )
        trained = self._ready()
        losses: list[Any] = []

        def gradient(*points: Tensor) -> tuple[Tensor, ...]:
            self.gradient_computations += len(points)
            loss, found = trained.gradients(closure, points)
            losses.append(loss)
            return found

        weights, hp = trained.row.weights(), trained.tensors(self.estimator.numbers())
        factor = trained.tensor([factor_of(self.param_groups, self.estimator)])
        clock = self.times.clock(self.steps_done, self.snapshots_taken, factor)
        eta = None
        if self.times.waits(self.steps_done):
            (d,) = gradient(weights)
        else:
            known = in_table(self.estimator, trained.algorithm, gradient, subset, samples)
            d, eta = trained.algorithm.estimate(weights, hp, clock, known)
        if self.max_norm is not None:
            d = d * (self.max_norm / (torch.linalg.vector_norm(d) + 1e-6)).clamp(max=1.0)
        trained.row.put(d, trained.moved)
        with sized(self.param_groups, eta):
            self.base.step()
        self.steps_done += 1
        return losses[0]

    @torch.no_grad()
    def snapshot(
        self,
        closures: Iterable[Any],
        function: Callable[[Any], Any] | None = None,
        *,
        sizes: Iterable[int] | None = None,
    ) -> float | None:
        """Takes a snapshot: the mean gradient over the batches at the weights as they are now.

        Weights, buffers and random numbers are then as before. So a shuffling DataLoader goes on to
        visit the same batches as the snapshot did, which batch norm needs for an unbiased estimate;
        where a snapshot serves several epochs, give them one list of batches.

        Args:
            closures: one a batch, as for `step`; or a loader, if `function` is given.
            function: does what a closure does, for a batch as the loader gives it.
            sizes: samples of each batch, by which they are weighted (default: as read from the
                loader's batches; closures count alike).

        Returns:
            The mean loss, if the closures return losses: the training loss at the snapshot.

        Raises:
            UsageError: the method keeps no snapshot, or there are no batches.
        """
        if not self.keeps_snapshot:
            raise UsageError(f"{self.estimator.kind} keeps no snapshot: leave snapshot() out")
        trained = self._ready()
        over = Pass(trained.row, closures, function, sizes)
        self._taken_at = None  # until it is whole
        try:
            trained.snapshot(over)
        finally:
            self.gradient_computations += over.count
        self.snapshots_taken, self._taken_at = self.snapshots_taken + 1, self.steps_done
        return over.loss

    # ---- within a step -------------------------------------------------------------------------

    def _params(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"] if p.requires_grad]

    def _is_stale(self) -> bool:
        """Whether other parameters are trained than before: some were added, frozen or freed."""
        return self._trained is not None and not self._trained.row.holds(self._params())

    def _ready(self) -> Trained:
        """What is trained; begun anew where that has changed."""
        if self._trained is None or self._is_stale():
            self._trained, self._taken_at = Trained(self._params(), self.estimator), None
        return self._trained

    # ---- what is saved -------------------------------------------------------------------------

    def _remembered(self) -> dict[str, Any]:
        return {
            "kind": self.estimator.kind,
            "steps_done": self.steps_done,
            "snapshots_taken": self.snapshots_taken,
            "gradient_computations": self.gradient_computations,
            "taken_at": None if self._is_stale() else self._taken_at,
            "trained": None if self._trained is None else self._trained.remembered(),
        }

    def _recall(self, remembered: dict[str, Any] | None) -> None:
        if remembered is None:
            self._trained = self._taken_at = None
            return
        if remembered["kind"] != self.estimator.kind:
            raise UsageError(
                f"this is the state of {remembered['kind']}, and the optimizer's estimator is "
                f"{self.estimator.kind}: make it with the settings that were saved"
            )
        self.steps_done = remembered["steps_done"]
        self.snapshots_taken = remembered["snapshots_taken"]
        self.gradient_computations = remembered["gradient_computations"]
        self._trained, self._taken_at = None, None
        if remembered["trained"] is not None:
            with torch.no_grad():
                self._ready().recall(remembered["trained"])
            self._taken_at = remembered["taken_at"]
