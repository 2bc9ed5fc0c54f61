"""Whether a method was searched widely and long enough."""

from __future__ import annotations

from vrtune.comparing.tunability import ended
from vrtune.comparing.tuned import Tuned
from vrtune.spaces import edge_notes

EACH = 10  # trials a parameter, at the least


def range_notes(tuned: Tuned) -> list[str]:
    """What speaks against calling a method tuned: its choice lies at an edge, or it had few trials.

    Ten trials a parameter are the least. On replayed searches (docs/performance.md) ten trials of
    SGD's one parameter make up for a start without any prior; thirty of STORM's three do not. A
    grid that was run to its end needs no more. Parameters of one value are not counted.

    Args:
        tuned: the method.

    Returns:
        Sentences; none where nothing is to be said.
    """
    notes = edge_notes(tuned.choice.params, tuned.choice.ranges) if tuned.choice else []
    trials = ended(tuned)
    searched = {
        name for trial in trials for name, given in trial.ranges.items() if not given.single()
    }
    least = EACH * len(searched)
    if trials and len(trials) < least and not _ran_a_grid(tuned):
        one, of = len(trials) == 1, len(searched)
        notes.append(
            f"{len(trials)} trial{'' if one else 's'} {'is' if one else 'are'} few for {of} "
            f"parameter{'s' * (of > 1)}: search at least {least - len(trials)} more"
        )
    return notes


def _ran_a_grid(tuned: Tuned) -> bool:
    """Whether all trials are those of a grid, and none of it is left."""
    counts = tuned.counts
    samplers = {trial.sampler for trial in ended(tuned)}
    return samplers == {"grid"} and not (counts.queued or counts.running)
