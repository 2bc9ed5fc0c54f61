"""Which parameters decide how good a trial gets: importances by PED-ANOVA (Optuna)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, create_trial

from vrtune.comparing.tried import Tried
from vrtune.comparing.tuned import Tuned
from vrtune.figures.panel import Panel
from vrtune.figures.scales import Parameter, named, place, searched
from vrtune.figures.style import COLOURS, axes
from vrtune.storages.quiet import quiet

ENOUGH = 10  # complete trials
BEST = 5  # trials that are held against all, or a tenth of many: of 12 trials a tenth says nothing
ROW_PX = 40


@dataclass(frozen=True)
class Importances:
    """Shares that sum to 1, the largest first."""

    study: str
    label: str
    shares: Mapping[str, float]
    trials: int  # complete ones, which they were found from


def compute(tuned: Tuned) -> Importances | None:
    """None for one parameter, for few complete trials, and where all came to the same.

    Args:
        tuned: a study's trials.

    Returns:
        What share of the difference between its best trials and all others each parameter makes.
    """
    parameters, done = searched(tuned.complete), tuned.complete
    if len(parameters) < 2 or len(done) < ENOUGH or len({trial.value for trial in done}) < 2:
        return None
    frozen = [t for tried in done if (t := _frozen(tried, parameters, tuned.cost(tried)))]
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study()
        study.add_trials(frozen)
        found = {}
        if len(frozen) >= ENOUGH:
            best = PedAnovaImportanceEvaluator(target_quantile=max(0.1, BEST / len(frozen)))
            found = get_param_importances(study, evaluator=best)
    if not sum(found.values()) > 0:
        return None
    shares = dict(sorted(found.items(), key=lambda item: -item[1]))
    return Importances(tuned.study, tuned.label, shares, len(frozen))


def leading(tuned: Tuned, parameters: Sequence[Parameter], most: int) -> list[Parameter]:
    """So many parameters, in their order: the most important, where that is known."""
    if len(parameters) <= most:
        return list(parameters)
    found = compute(tuned)
    by = found.shares if found else {}
    ranked = sorted(parameters, key=lambda parameter: -by.get(parameter.name, 0.0))[:most]
    return [parameter for parameter in parameters if parameter in ranked]


def draw(data: Importances) -> list[Panel]:
    """A bar a parameter, the most important on top."""
    names, shares = list(data.shares), list(data.shares.values())
    figure = axes("", "", height=70 + ROW_PX * len(names))
    figure.add_bar(
        x=shares,
        y=list(range(len(names))),
        orientation="h",
        marker_color=COLOURS[0],
        text=[f"{share:.0%}" for share in shares],
        textposition="outside",
        cliponaxis=False,
        hovertext=[named(name, 60) for name in names],
        hovertemplate="%{hovertext}: %{x:.1%}<extra></extra>",
    )
    figure.update_xaxes(range=[0, 1.12], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%")
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[named(name) for name in names],
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
    )
    how = (
        f"The longer the bar, the more the best of {data.trials} complete trials differ from the "
        "others in that parameter (PED-ANOVA). It says nothing about values outside the range."
    )
    rows = list(data.shares.items())
    return [
        Panel(
            "importances",
            f"What mattered to {data.label}",
            how,
            figure,
            ("parameter", "importance"),
            rows,
            study=data.study,
        )
    ]


def _frozen(trial: Tried, parameters: Sequence[Parameter], cost: float) -> FrozenTrial | None:
    """A trial for Optuna, which minimises, with the range of all trials; None where a value has no
    place in it."""
    params, ranges = {}, {}
    for parameter in parameters:
        given = trial.ranges.get(parameter.name)
        if given is None or parameter.name not in trial.params:
            continue
        if place(trial, parameter).at is None:
            return None
        params[parameter.name] = trial.params[parameter.name]
        ranges[parameter.name] = _widened(given, parameter)
    try:
        return create_trial(params=params, distributions=ranges, value=cost)
    except ValueError:
        return None


def _widened(given: BaseDistribution, parameter: Parameter) -> BaseDistribution:
    """The range of one trial as wide as that of all, which may have been searched in turn."""
    if isinstance(given, IntDistribution):
        low, high = int(parameter.low), int(parameter.high)
        return IntDistribution(low, high, log=given.log, step=given.step)
    if isinstance(given, FloatDistribution) and given.step is None:
        return FloatDistribution(parameter.low, parameter.high, log=given.log)
    return given
