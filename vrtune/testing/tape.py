"""What a CUDA graph does, on a CPU: a tape of tensor operations that is run again as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

# A capture may not wait for the device, nor copy from the host.
FORBIDDEN = ("_local_scalar_dense", "nonzero", "lift_fresh", "is_nonzero", "equal", "masked_select")


class Tape(TorchDispatchMode):
    """Records every operation with its very tensors. `replay` runs them again on those tensors;
    numbers that Python took part in stay as they were, as in a CUDA graph."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func._schema.name.removeprefix("aten::")
        assert name not in FORBIDDEN, f"{name} can't be captured"
        out = func(*args, **(kwargs or {}))
        # aliases keep the address; the module's parameters are pointed at other rows later
        self.calls.append(tree_map_only(Tensor, Tensor.detach, (func, args, kwargs or {}, out)))
        return out

    def replay(self) -> None:
        """Runs the tape; results land where they landed before."""
        with torch.no_grad():
            for func, args, kwargs, before in self.calls:
                after = func(*args, **kwargs)
                for old, new in zip(tree_leaves(before), tree_leaves(after), strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class TapedReplay:
    """Takes the place of vrtune.lanes.replay.Replay: one ordinary run, then the tape."""

    made: list[TapedReplay]  # reset by the test

    def __init__(self, device: torch.device) -> None:
        self.tape, self.runs = Tape(), 0
        TapedReplay.made.append(self)

    def __call__(self, work: Callable[[], None]) -> None:
        self.runs += 1
        if self.runs == 1:
            work()
        elif self.runs == 2:
            with self.tape:
                work()
        else:
            self.tape.replay()
