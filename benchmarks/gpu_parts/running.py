"""A part is a list of cases. Each runs on its own: what it raises is recorded, the next goes on."""

from __future__ import annotations

import faulthandler
import gc
import re
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gpu_parts.table import line

LEAST_S = 1.0  # no case is begun with less
HANG_S = 15.0  # a case that Python can't stop has so long beyond its time: then the process ends
PROBE_BYTES = 2**26
KEPT_LINES = 12  # of a traceback
KEPT_WARNINGS = 6  # of a case

Row = dict[str, Any]
Case = tuple[str, Callable[[], Row]]


class TimeUp(BaseException):
    """The part's time is over. No `except Exception` on the way may take it for a fault."""


@dataclass
class Bench:
    """What the cases of a part are given."""

    device: torch.device
    data_dir: Path | None = None  # holds MNIST; made data if not given
    until: float = float("inf")  # time.time() at which the part ends
    rows: dict[str, Row] = field(default_factory=dict)  # of the cases so far, by name
    only: tuple[str, ...] = ()  # words: of the cases that are wanted, one is in the name; all

    @property
    def small(self) -> bool:
        """Whether to do the least that shows a part to work, as on a CPU."""
        return self.device.type == "cpu"

    def left(self) -> float:
        """Seconds until the part ends."""
        return self.until - time.time()

    def wait(self) -> None:
        """Waits for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def row(self, name: str) -> Row | None:
        """What a case found, if it ended well."""
        row = self.rows.get(name)
        return None if row is None or {"error", "skipped"} & row.keys() else row


class Part(NamedTuple):
    """Something to find out, and its share of the time."""

    name: str
    weight: float
    cases: Callable[[Bench], Iterator[Case]]


def run_part(part: Part, bench: Bench, keep: Callable[[str], None]) -> bool:
    """Runs the cases that have no row yet; `keep` is told each case's name as it begins. False if
    the device is no longer to be used by this process: another one may go on."""
    begun = "the beginning"
    try:
        for name, work in part.cases(bench):
            if bench.only and not any(word in name for word in bench.only):
                continue
            if name in bench.rows:  # of the process before
                continue
            if bench.left() < LEAST_S:
                bench.rows[name] = {"skipped": "no time was left for this and what follows"}
                break
            begun = name
            keep(name)
            bench.rows[name] = _run(work, bench)
            print(f"  {name}: {line(bench.rows[name])}", flush=True)
            if not healthy(bench.device):
                bench.rows[name]["device"] = "broken"
                return False
    except Exception as error:  # of the part: what it needs for its cases
        bench.rows[f"after {begun}"] = told(error)
        return healthy(bench.device)
    return True


def _run(work: Callable[[], Row], bench: Bench) -> Row:
    """A case's row: what it found or what it raised, its seconds and its warnings."""
    began, left = time.perf_counter(), bench.left()
    if left < float("inf"):
        faulthandler.dump_traceback_later(left + HANG_S, exit=True)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            with stopped_after(left):
                row = work()
        except TimeUp:
            row = {"skipped": "the part's time was over"}
        except Exception as error:
            row = told(error)
        finally:
            faulthandler.cancel_dump_traceback_later()
    row["seconds"] = round(time.perf_counter() - began, 2)
    said = Counter(str(warning.message).splitlines()[0][:300] for warning in heard)
    if said:
        row["warnings"] = dict(said.most_common(KEPT_WARNINGS))
    return row


def told(error: Exception) -> Row:
    """An exception as a row: what it says, and the end of its traceback."""
    text = "".join(traceback.format_exception(error))
    lines = re.sub(r'File "[^"]*/(?=(vrtune|benchmarks|torch)/)', 'File "', text).splitlines()
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    return {"error": said[:400], "traceback": lines[-KEPT_LINES:]}


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raises TimeUp inside, between two instructions of Python, once the time is over."""
    if seconds == float("inf"):
        yield
        return

    def over(*_: object) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def healthy(device: torch.device) -> bool:
    """Whether the device still computes, and memory that nothing holds is still given back: after
    a capture that failed it may not be."""
    if device.type != "cuda":
        return True
    try:
        torch.cuda.synchronize(device)
        gc.collect()
        torch.cuda.empty_cache()
        before = torch.cuda.memory_reserved(device)
        ones = torch.ones(PROBE_BYTES, dtype=torch.uint8, device=device)
        right = int(ones.sum()) == PROBE_BYTES
        del ones
        torch.cuda.empty_cache()
        return right and torch.cuda.memory_reserved(device) <= before
    except RuntimeError:
        return False
