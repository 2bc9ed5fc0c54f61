"""Library: any class of torch.optim.Optimizer, of any installed package, as a step rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from vrtune.errors import UsageError
from vrtune.later import Tensor
from vrtune.optimizers.base import StepRule
from vrtune.optimizers.options import ClassName, Options, RestSchema
from vrtune.units import OptimizerSettings

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from vrtune.optimizers.instances import Instance


class Library(OptimizerSettings):
    """Any torch.optim.Optimizer class of any package: one instance a lane, fed with the estimate.

    p.grad <- d,  lr of every param group <- its own times eta / lr,  instance.step()

    Args:
        name: the class's full name, such as "pytorch_optimizer.Lion"; of your own, FILE.py:NAME.
        lr: step size, above 0; left out where the estimator sets it.
        rest: another Library for all but the matrices (tensors of two or more dimensions) that the
            class takes; its lr keeps its share of the step size.
        options: the class's other arguments, as a dictionary or each by its name; one that it does
            not know is refused.

    Raises:
        pydantic.ValidationError: the name is no full name, an option no plain value, or none of
            the class's, if that is imported yet; else this is told before anything is trained.

    Example:
        >>> from vrtune import Library
        >>> Library("torch.optim.NAdam", lr=0.01, betas=(0.8, 0.99)).options
        {'betas': (0.8, 0.99)}
    """

    kind: Literal["library"] = "library"
    name: ClassName = Field(default="", validate_default=True)
    options: Options = Field(default={})
    rest: Annotated[Library | None, RestSchema] = None

    def __init__(
        self,
        name: str = "",
        lr: float | None = None,
        *,
        rest: Library | None = None,
        options: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        given = {**(options or {}), **more}
        given.pop("kind", None)
        fields: dict[str, Any] = {"name": name, "lr": lr, "rest": rest, "options": given}
        super().__init__(**fields)
        self._check_if_imported()

    # data that are read (a study's) are validated as they are, and import nothing
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        yield None, self.name
        yield "lr", self.lr
        yield from self.options.items()
        if self.rest is not None:
            yield "rest", self.rest

    @model_validator(mode="after")
    def _one_step_size(self) -> Self:
        if "lr" in self.options:
            raise ValueError("lr is no option among others: give it beside them")
        if self.rest is not None and self.rest.rest is not None:
            raise ValueError("rest takes all that is left: it has no rest of its own")
        if self.rest is not None and self.lr is None and self.rest.lr is not None:
            raise ValueError("rest has a step size of its own: give lr, too, or neither")
        return self

    @classmethod
    def words_of(cls, fields: Iterable[str]) -> list[str]:
        """None: lanes of any classes are trained at once."""
        return []

    def numbers(self) -> dict[str, list[float]]:
        """lr alone: each lane's instance is made with its own options."""
        return {} if self.lr is None else {"lr": [self.lr]}

    def twin(self) -> str | None:
        """The class itself, if it is one of torch.optim's."""
        home, _, own = self.name.rpartition(".")
        return own if home == "torch.optim" and self.rest is None else None

    def check(self) -> None:
        """UsageError if the class is not there, or does not take these options."""
        from vrtune.optimizers.classes import check_options, find_class

        for part in (self, self.rest):
            if part is not None:
                check_options(part.name, find_class(part.name), part.options)

    def make(self, params: Iterable[Any], lr: float | None = None) -> Optimizer:
        """The optimizer for any training loop.

        Args:
            params: parameters, (name, parameter) pairs, or groups of parameters.
            lr: step size in place of these settings'; that of `rest` changes in proportion.

        Returns:
            An instance of the class; two as one, where `rest` has a share of the parameters.

        Raises:
            UsageError: the class is not there, refuses its options, or takes no such parameters.

        Example:
            >>> import torch
            >>> from vrtune import Library
            >>> model = torch.nn.Linear(2, 1)
            >>> type(Library("torch.optim.NAdam", lr=0.01).make(model.parameters())).__name__
            'NAdam'
        """
        from vrtune.optimizers.making import make

        return make(self, params, lr)

    def _check_if_imported(self) -> None:
        from vrtune.optimizers.classes import is_imported

        try:
            if all(part is None or is_imported(part.name) for part in (self, self.rest)):
                self.check()
        except UsageError as error:
            said = InitErrorDetails(
                type="value_error", loc=(), input=self.name, ctx={"error": ValueError(str(error))}
            )
            raise ValidationError.from_exception_data("Library", [said]) from None


class LibraryRule(StepRule):
    """An instance of torch.optim.Optimizer for each lane, on views of its row.

        p.grad <- d,  lr of every param group <- its own times eta / lr,  instance.step()

    Twin: the class itself.
    """

    settings = Library
    captures = False  # Python decides in each step

    def __init__(self, weights: Tensor) -> None:
        super().__init__(weights)
        self.wanted: list[Library | None] = [None] * len(weights)
        self.made: list[Instance | None] = [None] * len(weights)

    def held(self, settings: OptimizerSettings) -> int:
        from vrtune.optimizers.making import rows_of_state

        assert isinstance(settings, Library)
        return rows_of_state(settings, tuple(self.shapes))

    def seat(self, rows: Sequence[int], settings: Sequence[OptimizerSettings]) -> None:
        for row, wanted in zip(rows, settings, strict=True):
            assert isinstance(wanted, Library)
            wanted.check()
            self.wanted[row], self.made[row] = wanted, None

    def keep(self, keep: Sequence[int], extra: int) -> None:
        for instance in self.made:
            if instance is not None:
                instance.let_go()
        self.wanted = [*(self.wanted[row] for row in keep), *[None] * extra]
        self.made = [*(self.made[row] for row in keep), *[None] * extra]

    def memory(self, row: int) -> dict[str, Any]:
        instance = self.made[row]
        return {} if instance is None else instance.memory()

    def remember(self, row: int, weights: Tensor, memory: Mapping[str, Any]) -> None:
        if memory:
            self._instance(row, weights).remember(weights[row], memory)

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        d = d.clone()  # classes write into gradients
        for row, size in enumerate(eta.flatten().tolist()):
            self._instance(row, weights).step(weights[row], d[row], size)

    def judged(self, weights: Tensor) -> Tensor:
        """Of a class with eval() and train(), such as schedule-free ones, the weights of eval()."""
        if not any(instance and instance.has_modes for instance in self.made):
            return weights
        out = weights.clone()
        for row, instance in enumerate(self.made):
            if instance is not None and instance.has_modes:
                instance.evaluated(weights[row], out[row])
        return out

    def _instance(self, row: int, weights: Tensor) -> Instance:
        from vrtune.optimizers.instances import Instance

        instance, settings = self.made[row], self.wanted[row]
        if instance is None:
            assert settings is not None, "seat() comes before step()"
            shapes = self.shapes or [weights.shape[1:]]
            instance = self.made[row] = Instance(settings, weights[row], shapes)
        return instance
