"""What to try next and what to give up: a sampler and a pruner for Optuna, whose state is all in
the study."""

from vrtune.strategy.auto import AutoSampler, together
from vrtune.strategy.folds import FoldsPruner

__all__ = ["AutoSampler", "FoldsPruner", "together"]
