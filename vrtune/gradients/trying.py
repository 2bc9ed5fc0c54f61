"""Tries a user's module on a few samples: what lanes can't do is told in a sentence, before a
search, and not found out by its results."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from vrtune.errors import UsageError
from vrtune.gradients.prepared import Habits, prepared
from vrtune.own.files import in_their_words

TRIED = 3  # samples, at least: batch norm needs two


def habits_of(
    make: Callable[[], nn.Module], model: str, shape: tuple[int, ...], outputs: int, samples: int
) -> Habits:
    """What the code of a user's module does that its layers do not tell.

    Args:
        make: makes the module with PyTorch's global random numbers, not prepared.
        model: its name, for sentences.
        shape: of a sample.
        outputs: numbers that it is to give a sample.
        samples: of a batch; no more than a few are tried.

    Returns:
        Whether it draws random numbers outside of dropout layers, and computes anything twice.

    Raises:
        UsageError: lanes can't train it.
    """
    with torch.random.fork_rng([]):
        module = _made(make, model)
        trial = _Trial(module, model, shape, outputs, max(2, min(samples, TRIED)))
        with trial.said("is copied"):
            copy.deepcopy(module)
        trial.judge_eval()
        return trial.judge_train()


def _made(make: Callable[[], nn.Module], model: str) -> nn.Module:
    """A prepared module, whose tensors will do and are drawn from PyTorch's random numbers."""
    modules = []
    for _ in range(2):
        torch.manual_seed(0)
        module = make()
        _check_tensors(module, model)
        modules.append(prepared(module).train())
    first, second = (dict(m.named_parameters()) for m in modules)
    odd = [name for name in first if name not in second or _differ(first[name], second[name])]
    if odd:
        raise UsageError(
            f"model {model} starts {odd[0]} from other weights each time, whatever "
            "torch.manual_seed is given: draw them from PyTorch's random numbers"
        )
    return modules[0]


def _check_tensors(module: nn.Module, model: str) -> None:
    if any(isinstance(layer, torch.jit.ScriptModule) for layer in module.modules()):
        raise UsageError(
            f"model {model} is compiled by torch.jit, which hides its layers: return it as it was "
            "before that"
        )
    named = dict(module.named_parameters())
    if not named:
        raise UsageError(f"model {model} has no parameters: register its layers as attributes")
    for name, p in named.items():
        if p.dtype != torch.float32:
            raise UsageError(
                f"model {model} has {name} in {str(p.dtype).removeprefix('torch.')}: make its "
                "parameters float32 (--precision says what they are computed in)"
            )
        if p.device.type != "cpu":
            raise UsageError(
                f"model {model} puts {name} on {p.device}: leave it on the CPU, --device moves it"
            )
    if not any(p.requires_grad for p in named.values()):
        raise UsageError(f"model {model} has no parameter to train: all have requires_grad False")


class _Trial:
    """A prepared module, and what it does to a batch of noise."""

    def __init__(
        self, module: nn.Module, model: str, shape: tuple[int, ...], outputs: int, samples: int
    ) -> None:
        self.module, self.model, self.outputs = module, model, outputs
        self.x = torch.randn(samples, *shape, generator=torch.Generator().manual_seed(0))
        self.buffers = {name: (b, b.clone()) for name, b in module.named_buffers()}

    @contextmanager
    def said(self, doing: str) -> Iterator[None]:
        """UsageError for what the module raises inside."""
        try:
            yield
        except UsageError:
            raise
        except Exception as error:
            said = in_their_words(error)
            raise UsageError(
                f"model {self.model} raises {said} when it {doing}: mend it"
            ) from error

    def run(self, x: Tensor, seed: int = 0) -> Tensor:
        """The outputs of a batch, with the buffers as they were at first."""
        self._restore()
        torch.manual_seed(seed)
        mode = "train" if self.module.training else "eval"
        with self.said(f"is given a batch of shape {list(x.shape)} in {mode} mode"):
            outputs = self.module(x.clone())
        self._check(outputs, x)
        found = dict(self.module.named_buffers())
        for name in self.buffers.keys() | found:
            if name not in self.buffers or found.get(name) is not self.buffers[name][0]:
                raise UsageError(
                    f"model {self.model} replaces its buffer {name} in forward: register it at the "
                    "start and change it in place, as self.count.add_(1) does"
                )
        return outputs

    def _restore(self) -> None:
        for name, b in self.module.named_buffers():
            b.detach().copy_(self.buffers[name][1])

    def _check(self, outputs: object, x: Tensor) -> None:
        wanted, n = f"[{len(x)}, {self.outputs}]", len(x)
        what = f"model {self.model} gives"
        if not isinstance(outputs, Tensor):
            kind = type(outputs).__name__
            raise UsageError(
                f"{what} a {kind}: return the outputs alone, a tensor of shape {wanted} for a "
                f"batch of {n}"
            )
        if tuple(outputs.shape) != (n, self.outputs):
            hint = "give it a row a sample and a column an output"
            if outputs.ndim == 2 and len(outputs) == n:
                hint = "let it take classes, by this name, and give as many outputs"
            if n == 1 or outputs.shape == (n,):
                hint = "squeeze nothing away"
            raise UsageError(
                f"{what} outputs of shape {list(outputs.shape)} for a batch of shape "
                f"{list(x.shape)}, and {wanted} is needed: {hint}"
            )
        if outputs.dtype != torch.float32:
            kind = str(outputs.dtype).removeprefix("torch.")
            raise UsageError(f"{what} outputs in {kind}: return float32")

    def judge_eval(self) -> None:
        """It gives the same outputs each time, for one sample as well."""
        self.module.eval()
        with torch.no_grad():
            first, second = self.run(self.x), self.run(self.x, seed=1)
            self.run(self.x[:1])
        self.module.train()
        if _differ(first, second):
            raise UsageError(
                f"model {self.model} gives other outputs each time in eval mode: let it draw "
                "random numbers only if self.training, as F.dropout(x, p, self.training) does"
            )

    def judge_train(self) -> Habits:
        """It changes its buffers in place, keeps nothing else, and has a gradient."""
        before = _others_drawn()
        weights = {n: (p.data_ptr(), p.detach().clone()) for n, p in self.module.named_parameters()}
        outputs = self.run(self.x)
        drew = not torch.equal(torch.random.get_rng_state(), _state_of(0))
        for name, p in self.module.named_parameters():
            if p.data_ptr() != weights[name][0] or _differ(p, weights[name][1]):
                raise UsageError(
                    f"model {self.model} changes its weights {name} in forward: leave that to the "
                    "optimizer, or use torch.nn.utils.parametrize"
                )
        again = self.run(self.x)
        if before != _others_drawn() or _differ(outputs, again):
            raise UsageError(
                f"model {self.model} gives other outputs each time, whatever torch.manual_seed is "
                "given: draw from PyTorch's random numbers, and keep what changes in buffers"
            )
        return Habits(draws=drew, recomputes=self._recomputes(again))

    def _recomputes(self, outputs: Tensor) -> bool:
        """Goes backward; whether layers are called for it again."""
        calls = 0

        def called(module: nn.Module, inputs: object) -> None:
            nonlocal calls
            calls += 1

        hooks = [layer.register_forward_pre_hook(called) for layer in self.module.modules()]
        named = list(self.module.parameters())
        gradients: tuple[Tensor | None, ...] = (None,)
        try:
            with self.said("computes its gradient"):
                if outputs.requires_grad:
                    outputs.sum().backward()
                    gradients = tuple(p.grad for p in named)
        finally:
            for hook in hooks:
                hook.remove()
            self.module.zero_grad()
        if all(g is None for g in gradients):
            raise UsageError(
                f"model {self.model} has no gradient: none of its parameters changes its outputs"
            )
        return calls > 0


def _state_of(seed: int) -> Tensor:
    """Of PyTorch's random numbers, when nothing is drawn yet."""
    return torch.Generator().manual_seed(seed).get_state()


def _others_drawn() -> str:
    """Where Python's and NumPy's global random numbers stand."""
    return f"{hash(random.getstate())} {np.random.get_state(legacy=False)}"


def _differ(a: Tensor, b: Tensor) -> bool:
    """By more than what rounding does."""
    a, b = a.detach(), b.detach()
    return a.shape != b.shape or not torch.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)
