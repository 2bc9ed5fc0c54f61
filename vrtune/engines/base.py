"""What an engine does with workers; it knows nothing of what they do, but how that ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

# What a worker runs, pickled by reference: None where it had no more to do, or why it failed.
Entrypoint = Callable[[], str | None]


@dataclass(frozen=True, kw_only=True)
class Share:
    """What an engine keeps of a machine for each worker."""

    cpus: int = 1
    gpus: int = 0

    def __str__(self) -> str:
        cores = f"{self.cpus} core{'s' * (self.cpus > 1)}"
        gpus = f" and {self.gpus} GPU{'s' * (self.gpus > 1)}"
        return cores + gpus * bool(self.gpus)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the workers are, and what has happened since the last look."""

    working: int  # have not ended: they train, wait for a place, or are started again
    failed: tuple[str, ...] = ()  # why some have ended for good before their time
    notes: tuple[str, ...] = ()  # what else is to be known, in sentences


class Engine(ABC):
    """Runs one entrypoint in several workers. `here`: all of them on this machine, for certain."""

    here: bool

    @abstractmethod
    def __str__(self) -> str:
        """What it is called in sentences."""

    @abstractmethod
    def start(self, entrypoint: Entrypoint, workers: int) -> None:
        """Starts so many workers, or has them wait for a place. VrtuneError if it can't be."""

    @abstractmethod
    def look(self) -> Standing:
        """How they are now; returns at once."""

    @abstractmethod
    def stop(self, patience: float) -> None:
        """Has all put their trials back and end; those that don't within seconds are killed."""

    @abstractmethod
    def close(self) -> None:
        """Leaves the cluster; of workers that have not ended none is left where that can be."""
