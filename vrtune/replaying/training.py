"""A trial's training once more, on the same folds; or a twin of it that rounds otherwise."""

from __future__ import annotations

from collections.abc import Callable, Container

import torch

from vrtune.events import Event, Retraining, Stopped
from vrtune.lanes.device import one_thread
from vrtune.lanes.keys import generator
from vrtune.lanes.memory import told_of_memory
from vrtune.lanes.plan import Plan
from vrtune.lanes.pool import Pool, finite
from vrtune.lanes.steps import Steps
from vrtune.lanes.workspace import Workspace
from vrtune.replaying.recorded import Values
from vrtune.searching.entry import judged
from vrtune.trial_config import TrialConfig


class Training:
    """Trains a trial as a search does: its folds advance together, and are judged when it was."""

    def __init__(
        self,
        workspace: Workspace,
        config: TrialConfig,
        way: Plan,
        epochs: Container[int],
        *,
        trial: int,
        progress: Callable[[Event], None],
        stopping: Callable[[], bool],
    ) -> None:
        """It is judged after these `epochs`, and after one that diverges."""
        self.workspace, self.config, self.way, self.epochs = workspace, config, way, epochs
        self.trial, self.progress, self.stopping = trial, progress, stopping

    def values(self, until: int, doing: str, *, nudged: bool = False) -> Values:
        """What each fold is judged by, up to an epoch. `nudged`: each weight is moved by about one
        rounding after each step, up or down at random. Stopped when `stopping` is true."""
        workspace, lanes = self.workspace, len(self.workspace.folds)
        draws = generator(workspace.task.seed, "rounding")
        steps, out = Steps(self.progress), Values()
        pool = Pool(workspace, workspace.folds, fused=self.way.fused, most=self.way.most)

        def after_step() -> None:
            if self.stopping():
                raise Stopped
            steps.tell(pool)
            if nudged and pool.training:
                _nudge(pool.training.rows.W, draws)

        self.progress(Retraining(epoch=0, epochs=until, doing=doing))
        with told_of_memory(workspace, lanes), one_thread(workspace.device):
            pool.exchange([], {self.trial: self.config})
            for epoch in range(1, until + 1):
                standing = pool.validate(pool.train_epoch(after_step), self.epochs)[self.trial]
                if standing.losses:
                    out[epoch] = finite(judged(standing))
                self.progress(Retraining(epoch=epoch, epochs=until))
        return out


def _nudge(W: torch.Tensor, draws: torch.Generator) -> None:
    signs = torch.randint(0, 2, W.shape, generator=draws).to(W.device, W.dtype) * 2 - 1
    W.mul_(1 + signs * torch.finfo(W.dtype).eps)
