"""Workers as tasks of a Ray cluster, which places them, and starts those again that are lost."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from vrtune.engines.base import Engine, Entrypoint, Share, Standing
from vrtune.errors import UsageError, VrtuneError, brief, told

RESTARTS = 10  # of a worker, by Ray: of a process that was killed, or on a node that was lost
ANSWER_S = 10  # for a cluster to answer
KILLED_S = 10  # for a worker to be gone after that
CLIENT = "ray://"


class RayCluster(Engine):
    """A Ray cluster, joined for as long as this is open; `local` makes one on this machine.

    A process that is in a cluster already stays in that one, and leaves it to whoever joined it.
    """

    def __init__(self, address: str, share: Share) -> None:
        self.address, self.share = address, share
        self.ray = _package()
        self.tasks: dict[Any, int] = {}  # numbers of the workers that have not ended
        self.notes: list[str] = []
        self.printer: Any = None
        self.prints: Any = None  # how Ray prints what it has to say
        self.joined = not self.ray.is_initialized()
        if self.joined:
            self._join()
        me = None if address.startswith(CLIENT) else self.ray.util.get_node_ip_address()
        self.here = {node["NodeManagerAddress"] for node in self._nodes()} == {me}

    def __str__(self) -> str:
        return "Ray" if self.address in ("local", "auto") else f"the Ray cluster {self.address}"

    def start(self, entrypoint: Entrypoint, workers: int) -> None:
        places = sum(map(self._places, self._nodes()))
        if not places and self.address == "local":
            raise UsageError(f"this machine has not the {self.share} that a worker is to have")
        if places < workers:
            self.notes.append(
                f"the nodes of {self} have room for {places} of {workers} workers with "
                f"{self.share} each: the others wait for it"
            )
        task = self.ray.remote(
            num_cpus=self.share.cpus,
            num_gpus=self.share.gpus,
            max_retries=RESTARTS,
            max_calls=1,  # a process for each: it ends with its worker
            scheduling_strategy="SPREAD",
        )(_run)
        for number in range(1, workers + 1):
            self.tasks[task.options(name=f"vrtune worker {number}").remote(entrypoint)] = number

    def look(self) -> Standing:
        failed = []
        for task in self._ended(0):
            number = self.tasks.pop(task)
            if why := self._failure(task):
                failed.append(f"worker {number} of {self}: {why}")
        notes, self.notes = tuple(self.notes), []
        return Standing(working=len(self.tasks), failed=tuple(failed), notes=notes)

    def stop(self, patience: float) -> None:
        for task in self.tasks:  # as Ctrl-C there
            self.ray.cancel(task)
        ended = set(self._ended(patience))
        for task in self.tasks.keys() - ended:
            self.ray.cancel(task, force=True)
        self._ended(KILLED_S)
        self.tasks = {}

    def close(self) -> None:
        if self.prints:
            self.printer.print_to_stdstream = self.prints
        if self.joined:
            with suppress(Exception), _silent():
                self.ray.shutdown()

    # ---- the cluster ---------------------------------------------------------------------------

    def _join(self) -> None:
        given: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self.address == "local":
            given["include_dashboard"] = False
        else:
            self._knock()
        try:
            with _silent():
                self.ray.init(self.address, **given)
        except Exception as error:  # Ray has many
            raise VrtuneError(self._unreachable(error)) from None
        with suppress(Exception):  # it has no other way to be told what Ray prints
            self.printer = import_module("ray._private.worker")
            self.prints, self.printer.print_to_stdstream = (
                self.printer.print_to_stdstream,
                self._hear,
            )

    def _knock(self) -> None:
        """VrtuneError where nobody answers: Ray would take minutes to say so, or end the program.
        UsageError for what is no address."""
        if self.address == "auto":
            return
        host, colon, port = self.address.removeprefix(CLIENT).rpartition(":")
        if not (host and colon and port.isdecimal()):
            raise UsageError(
                f"ray: {self.address!r} is no address of a Ray cluster: give HOST:PORT, "
                "ray://HOST:PORT, auto for the one that runs on this machine, or local"
            )
        try:
            socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
        except (OSError, OverflowError) as error:
            raise VrtuneError(self._unreachable(error)) from None

    def _hear(self, said: Mapping[str, Any], **_: object) -> None:
        """What Ray would print into the progress: that workers are lost, at length."""
        if "will be retried" in str(said.get("lines")):
            self.notes.append(f"a worker of {self} was lost, and is started again")

    def _unreachable(self, error: Exception) -> str:
        if self.address == "auto" and isinstance(error, ConnectionError):
            return (
                "no Ray cluster runs on this machine: start one by ray start --head, or give "
                "--ray HOST:PORT, or --ray local"
            )
        why = error.strerror if isinstance(error, OSError) and error.strerror else told(error)
        if self.address == "local":
            return f"Ray does not start on this machine: {why}"
        return (
            f"{self} can't be joined ({why}): see that it runs, with this Ray and this Python, and "
            "set RAY_AUTH_MODE=token if it asks for one"
        )

    def _nodes(self) -> list[Mapping[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]

    def _places(self, node: Mapping[str, Any]) -> int:
        """How many workers a node holds."""
        wanted = {"CPU": self.share.cpus, "GPU": self.share.gpus}
        return min(int(node["Resources"].get(name, 0) // n) for name, n in wanted.items() if n)

    # ---- its tasks -----------------------------------------------------------------------------

    def _ended(self, seconds: float) -> list[Any]:
        """The tasks that have ended, once all have or the time is over."""
        tasks = list(self.tasks)
        return self.ray.wait(tasks, num_returns=len(tasks), timeout=seconds)[0] if tasks else []

    def _failure(self, task: Any) -> str | None:
        """Why the worker of a task that has ended was lost for good; None if it was not."""
        errors = self.ray.exceptions
        try:
            return self.ray.get(task)
        except errors.TaskCancelledError:
            return None
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError) as error:
            return f"it was lost {RESTARTS + 1} times ({brief(str(error))})"
        except errors.RayTaskError as error:
            cause = getattr(error, "cause", error)
            return f"it failed ({told(cause)}): see that every node has vrtune as it is here"
        except errors.RayError as error:
            return f"it failed ({told(error)})"


def _run(entrypoint: Entrypoint) -> str | None:
    """The task."""
    return entrypoint()


def _package() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to Ray's makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # as it does, without a word
    try:
        return import_module("ray")
    except ImportError:
        raise VrtuneError("--ray needs Ray: pip install 'vrtune[ray]'") from None


@contextmanager
def _silent() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
