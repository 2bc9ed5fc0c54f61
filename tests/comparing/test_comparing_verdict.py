"""Verdicts in words: when there is a winner, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from reference.literal_trials import tuned

from vrtune import Task
from vrtune.comparing.evidence import KINDS, Difference, Kind
from vrtune.comparing.rates import found_rate
from vrtune.comparing.reasons import Reason
from vrtune.comparing.tuned import Tuned
from vrtune.comparing.verdict import Verdict, conclusion, verdicts

SURE, UNSURE = 0.001, 0.4


def method(label: str, task: Task | None = None) -> Tuned:
    made = tuned([], label=label)
    return replace(made, record=made.record.model_copy(update={"task": task or Task()}))


def differing(
    kind: Kind, scores: dict[str, float], p: dict[str, float | None], n: int = 4, repeats: int = 3
) -> list[Difference]:
    """Of methods with these means, the less the better; `p` by pair: "a b". None: not known."""
    sign, out = (-1 if kind == "seeds" else 1), []
    for first, second in combinations(scores, 2):
        known = p.get(f"{first} {second}", UNSURE)
        out.append(
            Difference(
                first=first,
                second=second,
                kind=kind,
                measure="test accuracy" if kind == "seeds" else "validation loss",
                direction="maximize" if kind == "seeds" else "minimize",
                n=n if known is not None else 0,
                repeats=repeats if kind == "folds" else 0,
                mean=None if known is None else sign * (scores[first] - scores[second]),
                p=known,
                p_holm=known,
                reasons=[]
                if known is not None
                else [Reason(who=second, what="was not trained again")],
            )
        )
    return out


def judged(
    kind: Kind,
    scores: dict[str, float],
    p: dict[str, float | None],
    methods: Sequence[Tuned] | None = None,
    n: int = 4,
) -> Verdict:
    found = differing(kind, scores, p, n)
    said = verdicts(methods or [method(label) for label in scores], found)
    return next(each for each in said if each.kind == kind)


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_better_than_every_other_wins(kind: Kind) -> None:
    """By less loss, or by more accuracy."""
    said = judged(kind, {"a": 3.0, "b": 1.0, "c": 2.0}, {"a b": SURE, "b c": 0.02})
    assert (said.winner, said.best, said.level, said.worse) == ("b", "b", [], ["a", "c"])
    assert said.sentence.startswith("b wins ")
    assert "it is better than a, c (" in said.sentence
    assert "p at most 0.02 after Holm's correction" in said.sentence


def test_two_methods_need_no_correction() -> None:
    said = judged("seeds", {"a": 1.0, "b": 2.0}, {"a b": SURE}, n=3)
    assert said.sentence == "a wins by seed: it is better than b (3 seeds, p 0.001)"


def test_one_that_can_not_be_told_from_the_best_is_enough_for_no_winner() -> None:
    said = judged("seeds", {"adam": 1.0, "storm": 1.1, "sgd": 1.2}, {"adam sgd": 0.05}, n=3)
    assert (said.winner, said.best, said.level, said.worse) == (None, "adam", ["storm", "sgd"], [])
    assert said.sentence == (
        "no winner by seed: adam has the best mean, and storm, sgd can't be told from it (3 seeds)"
    )


def test_those_that_are_worse_are_named() -> None:
    scores = {"a": 1.0, "b": 1.1, "c": 5.0, "d": 6.0}
    said = judged("folds", scores, {"a c": SURE, "a d": SURE, "c d": SURE})
    assert (said.winner, said.level, said.worse) == (None, ["b"], ["c", "d"])
    assert said.sentence == (
        "no winner by fold: a has the best mean, and b can't be told from it "
        "(4 folds, each of 3 fresh starts); c, d are worse"
    )


def test_who_can_not_be_compared_wins_nothing_and_lets_nobody_win() -> None:
    said = judged("seeds", {"a": 1.0, "b": 2.0, "c": 0.5}, {"a b": SURE, "a c": None, "b c": None})
    assert (said.winner, said.best, said.level, said.worse) == (None, "a", [], ["b"])
    assert said.sentence == (
        "no winner by seed: a has the best mean (4 seeds); b is worse; "
        "c can't be compared with it (c was not trained again)"
    )


def test_nothing_can_be_compared() -> None:
    said = judged("seeds", {"a": 1.0, "b": 2.0}, {"a b": None})
    assert (said.winner, said.best, said.claim) == (None, None, "")
    assert said.sentence == ("no winner by seed: nothing can be compared (b was not trained again)")


def test_of_many_reasons_two_are_given() -> None:
    labels = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    pairs = {f"{one} {other}": None for one, other in combinations(labels, 2)}
    said = judged("seeds", labels, pairs)
    assert said.sentence.endswith("(b was not trained again; c was not trained again; and more)")


def test_other_seeds_are_left_out_and_named() -> None:
    other = method("c", Task(seed=2))
    methods = [other, method("a"), method("b")]
    said = judged("folds", {"a": 1.0, "b": 2.0}, {"a b": SURE}, methods)
    assert (said.winner, said.left_out) == ("a", ["c"])
    assert "left out, of other seeds or tasks: c" in conclusion([said])


def test_no_two_of_a_task() -> None:
    methods = [method("a"), method("b", Task(seed=2))]
    said = verdicts(methods, [])
    assert [each.kind for each in said] == list(KINDS)
    assert said[0].sentence == "no winner by fold: no two studies are of one task and seed"


def test_one_study_has_no_verdict() -> None:
    assert verdicts([method("a")], []) == []
    assert conclusion([]) == "nothing to compare: it takes two studies"


def test_names_can_do_no_harm() -> None:
    evil = "a\x1b[2J\n"
    said = judged("folds", {evil: 1.0, "b": 2.0}, {f"{evil} b": SURE})
    assert said.winner == evil
    assert (said.sentence + conclusion([said])).isprintable()


# ---- what it claims ------------------------------------------------------------------------------


def test_the_claim_is_worked_out() -> None:
    claim = judged("seeds", {"a": 1.0, "b": 2.0}, {}, n=3).claim
    rate = found_rate(2, 3)
    assert 0.45 < rate < 0.49
    assert claim == (
        "among two equal methods a winner is named in at most 5 % of comparisons; one that is 2 sd "
        "of the paired differences better than the other, in 47 % (3 seeds); "
        "it takes 5 seeds to find it in 80 %"
    )


def test_what_is_likely_to_be_found_needs_no_more() -> None:
    assert "it takes" not in judged("seeds", {"a": 1.0, "b": 2.0}, {}, n=6).claim


def test_the_claim_knows_how_many_methods_there_are() -> None:
    claim = judged("folds", {"a": 1.0, "b": 2.0, "c": 3.0}, {}).claim
    assert "among 3 equal methods" in claim
    assert "every other" in claim
    assert f"in {100 * found_rate(3, 4, 0.25):.0f} %" in claim
    assert "it takes 9 folds" in claim
    few = judged("folds", dict.fromkeys("abcdefgh", 1.0), {}).claim
    assert "in less than 1 %" in few


def test_values_that_a_choice_was_made_by_are_no_ground_for_the_rates() -> None:
    assert "the rates do not hold" in judged("equal trials", {"a": 1.0, "b": 2.0}, {}).claim
    assert "no choice was made by" not in judged("folds", {"a": 1.0, "b": 2.0}, {}).claim


def test_a_share_held_out_has_fresh_starts_for_values() -> None:
    task = Task(holdout=0.25)
    methods = [method("a", task), method("b", task)]
    said = judged("folds", {"a": 1.0, "b": 2.0}, {}, methods, n=3)
    assert "3 fresh starts on one split" in said.sentence
    assert f"in {100 * found_rate(2, 3, 0.25):.0f} %" in said.claim
    assert "fresh starts to find it" in said.claim


# ---- all in a sentence ---------------------------------------------------------------------------


def both(folds: float, seeds: float, first: str = "a") -> list[Verdict]:
    scores = {"a": 1.0, "b": 2.0}
    other = scores if first == "a" else {"a": 2.0, "b": 1.0}
    return [
        judged("folds", scores, {"a b": folds}),
        judged("seeds", other, {"a b": seeds}),
        judged("equal trials", scores, {"a b": SURE}),
    ]


def test_a_winner_by_fold_and_by_seed_wins() -> None:
    assert conclusion(both(SURE, SURE)) == "a wins by fold and by seed: better than b"


def test_no_winner_is_said_plainly() -> None:
    said = conclusion(both(UNSURE, UNSURE))
    assert said.startswith("no winner by fold: a has the best mean")
    assert "; by seed: a has the best mean" in said


def test_where_folds_and_seeds_differ_each_is_quoted() -> None:
    said = conclusion(both(SURE, UNSURE))
    assert said.startswith("no winner overall: a wins by fold: ")
    assert "; no winner by seed: " in said
    said = conclusion(both(SURE, SURE, first="b"))
    assert "a wins by fold" in said
    assert "b wins by seed" in said
