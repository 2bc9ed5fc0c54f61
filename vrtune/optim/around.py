"""An optimizer around another one, whose groups and state it shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch.optim import Optimizer

from vrtune.errors import UsageError

KEY = "estimator"  # of the state_dict: what is the outer one's


class Around(Optimizer, ABC):
    """Groups and state are those of `base`; what a derived class remembers is saved beside them."""

    reduces = True  # variance

    def __init__(self, base: Optimizer) -> None:
        """`base` makes the steps."""
        self.base = base
        super().__init__(base.param_groups, base.defaults)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The base's own."""
        return self.base.param_groups

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        """Optimizer.__init__ makes a list of its own; the base's stays."""

    @property
    def state(self) -> Any:
        """The base's own; the estimator's is in state_dict()["estimator"]."""
        return self.base.state

    @state.setter
    def state(self, state: Any) -> None:
        """As with param_groups."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group to the base. The estimator then begins anew; a snapshot is due."""
        if not any(group is param_group for group in self.base.param_groups):
            self.base.add_param_group(param_group)

    def train(self) -> None:
        """Passed on to a base that asks for it, such as a schedule-free one."""
        if hasattr(self.base, "train"):
            self.base.train()

    def eval(self) -> None:
        """Passed on to a base that asks for it, such as a schedule-free one."""
        if hasattr(self.base, "eval"):
            self.base.eval()

    @abstractmethod
    def _remembered(self) -> dict[str, Any]:
        """What the derived class saves."""

    @abstractmethod
    def _recall(self, remembered: dict[str, Any] | None) -> None:
        """Takes up what was saved; None where the base alone was."""

    def state_dict(self) -> dict[str, Any]:
        """The base's, and under "estimator" what the estimator remembers."""
        for pre_hook in self._optimizer_state_dict_pre_hooks.values():
            pre_hook(self)
        saved = {**self.base.state_dict(), KEY: self._remembered()}
        for post_hook in self._optimizer_state_dict_post_hooks.values():
            saved = post_hook(self, saved) or saved
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where a state_dict was made, also within an epoch.

        That of the base alone is taken as well: the estimator then begins anew.

        Raises:
            UsageError: it is of another method, or of other parameters.
        """
        saved = dict(state_dict)
        for pre_hook in self._optimizer_load_state_dict_pre_hooks.values():
            saved = pre_hook(self, saved) or saved
        remembered = saved.pop(KEY, None)
        if remembered is not None and not isinstance(remembered, dict):
            raise UsageError(f"this is no state_dict of {type(self).__name__}")
        self.base.load_state_dict(saved)
        self._recall(remembered)
        for post_hook in self._optimizer_load_state_dict_post_hooks.values():
            post_hook(self)

    def __getstate__(self) -> dict[str, Any]:
        hooks = {name for name in vars(self) if "hooks" in name}
        return {name: value for name, value in vars(self).items() if name not in {"step", *hooks}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
