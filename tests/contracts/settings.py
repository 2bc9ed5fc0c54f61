"""What the contract tests try for every registered unit. A unit without an entry fails them."""

from __future__ import annotations

from itertools import cycle, islice

import pytest

from vrtune import (
    KFAC,
    LAMB,
    LARS,
    MALA,
    MARS,
    SAG,
    SAGA,
    SCSG,
    SGD,
    SGHMC,
    SGLD,
    SM3,
    STORM,
    SVRG,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AlphaSVRG,
    Constant,
    Cosine,
    Cyclic,
    Decay,
    Default,
    Dropout,
    Exponential,
    He,
    HeavyBall,
    Last,
    Library,
    MARSApproximate,
    MetaInit,
    NAdam,
    NoPenalty,
    Norms,
    OneCycle,
    OptimalSVRG,
    Orthogonal,
    Plain,
    Polyak,
    RAdam,
    RMSProp,
    Shampoo,
    Sparse,
    Step,
    TrialConfig,
    Uniform,
    Xavier,
)
from vrtune.units import (
    AverageSettings,
    EstimatorSettings,
    InitSettings,
    OptimizerSettings,
    PenaltySettings,
    ScheduleSettings,
)

ESTIMATOR_SETTINGS: dict[str, list[EstimatorSettings]] = {
    "plain": [Plain()],
    "svrg": [SVRG(snapshot_period=2), SVRG(snapshot_period=1)],
    "alpha_svrg": [
        AlphaSVRG(snapshot_period=2),
        AlphaSVRG(alpha=0.75, decay=False),
        AlphaSVRG(alpha=1.0, snapshot_period=2),
    ],
    "optimal_svrg": [OptimalSVRG(), OptimalSVRG(memory=0.5, snapshot_period=2)],
    "saga": [SAGA()],  # other tables: tests/estimators
    "sag": [SAG()],
    "scsg": [SCSG(mega_batch=2), SCSG(mega_batch=3), SCSG()],
    "mars": [MARS(), MARS(gamma=0.5, beta1=0.8), MARS(gamma=0.0)],
    "mars_approximate": [MARSApproximate(), MARSApproximate(gamma=0.5, beta1=0.8)],
    "storm": [STORM(k=0.3, w=0.5, c=2.0), STORM(k=0.1, w=0.1, c=30.0), STORM(k=0.2, c=1e9)],
}

# The first of each kind is its plainest form.
OPTIMIZER_SETTINGS: dict[str, list[OptimizerSettings]] = {
    "sgd": [
        SGD(lr=0.3),
        SGD(lr=0.1, momentum=0.9),
        SGD(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01),
        SGD(lr=0.2, momentum=0.9, dampening=0.5),
        SGD(lr=0.2, weight_decay=0.1),
    ],
    "adam": [
        Adam(lr=0.02),
        Adam(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1),
        Adam(lr=0.03, amsgrad=True),
        Adam(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True),
        Adam(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True, amsgrad=True),
        Adam(lr=0.05, betas=(0.0, 0.9), eps=1e-3),
    ],
    "adagrad": [
        AdaGrad(lr=0.1),
        AdaGrad(lr=0.2, lr_decay=0.1),
        AdaGrad(lr=0.1, initial_accumulator_value=0.5, weight_decay=0.05),
        AdaGrad(lr=0.05, eps=1e-3, lr_decay=0.01, initial_accumulator_value=0.1),
    ],
    "library": [  # classes of other packages: tests/optimizers
        Library("torch.optim.NAdam", lr=0.02),
        Library("torch.optim.RMSprop", lr=0.01, momentum=0.5, centered=True),
        Library("torch.optim.NAdam", lr=0.01, betas=(0.8, 0.95), weight_decay=0.1),
        Library("torch.optim.Adadelta", lr=1.0, rest=Library("torch.optim.SGD", lr=0.1)),
        Library("torch.optim.Rprop", lr=0.01, etas=(0.4, 1.1)),
    ],
    "rmsprop": [
        RMSProp(lr=0.02),
        RMSProp(lr=0.01, alpha=0.9, momentum=0.5, weight_decay=0.1),
        RMSProp(lr=0.01, eps=1e-3, centered=True, momentum=0.8),
    ],
    "adadelta": [
        AdaDelta(lr=1.0),
        AdaDelta(lr=2.0, rho=0.95, eps=1e-4, weight_decay=0.1),
    ],
    "adamax": [
        AdaMax(lr=0.02),
        AdaMax(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    ],
    "nadam": [
        NAdam(lr=0.02, eps=1e-6),
        NAdam(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1, momentum_decay=0.1),
        NAdam(lr=0.03, eps=1e-3, weight_decay=0.1, decoupled_weight_decay=True),
    ],
    "radam": [
        RAdam(lr=0.02),
        RAdam(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1, eps=1e-3),
        RAdam(lr=0.03, weight_decay=0.1, decoupled_weight_decay=True),
    ],
    "heavy_ball": [
        HeavyBall(lr=0.1),
        HeavyBall(lr=0.5, momentum=0.8, mean=True),
    ],
    "kfac": [  # that no layer is shown to here: tests/optimizers
        KFAC(lr=0.1, damping=0.5, momentum=0.0, kl_clip=0.0),
        KFAC(lr=0.1, damping=0.1, decay=0.5, weight_decay=0.01, every=2),
        KFAC(lr=0.2, damping=0.2, momentum=0.5, kl_clip=1e-2),
    ],
    "shampoo": [
        Shampoo(lr=1.0, epsilon=1.0),
        Shampoo(lr=0.3, epsilon=0.5, weight_decay=0.1),
        Shampoo(lr=0.3, epsilon=0.5, momentum=0.8, every=3),
    ],
    "lars": [
        LARS(lr=1.0, trust_coefficient=0.01),
        LARS(lr=0.1, momentum=0.5, weight_decay=0.1, trust_coefficient=0.1),
    ],
    "lamb": [
        LAMB(lr=0.02, eps=1e-3),
        LAMB(lr=0.01, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.1, clamp=1.0),
        LAMB(lr=0.02, weight_decay=0.1, bias_correction=False),
    ],
    "sgld": [
        SGLD(lr=0.3, temperature=0.0, prior_precision=0.0),
        SGLD(lr=0.05, burn_in=0.2),
    ],
    "sghmc": [
        SGHMC(lr=0.1, temperature=0.0, prior_precision=0.0),
        SGHMC(lr=0.01, friction=0.5, burn_in=0.2),
        SGHMC(lr=0.02, explicit=True),
    ],
    "mala": [
        MALA(lr=0.3, temperature=1e-16, prior_precision=0.0),
        MALA(lr=0.05, burn_in=0.2),
    ],
    "sm3": [
        SM3(lr=0.1, eps=1e-12),  # or what is left of a gradient by rounding is a step
        SM3(lr=0.2, momentum=0.9, beta=0.5, eps=1e-3),
    ],
}

INIT_SETTINGS: dict[str, list[InitSettings]] = {
    "default": [Default()],
    "uniform": [Uniform(), Uniform(gain=0.5)],
    "xavier": [Xavier(), Xavier(gain=2.0, distribution="normal")],
    "he": [He(), He(gain=1.0, fan="out", distribution="uniform")],
    "orthogonal": [Orthogonal(), Orthogonal(gain=1.5)],
    "sparse": [Sparse(), Sparse(incoming=2, gain=0.3)],
    "metainit": [MetaInit(), MetaInit(lr=0.01, momentum=0.5, steps=3, epsilon=1e-4)],
}

SCHEDULE_SETTINGS: dict[str, list[ScheduleSettings]] = {
    "constant": [Constant()],
    "cosine": [Cosine(), Cosine(warmup=0.25, final=0.1)],
    "cyclic": [Cyclic(), Cyclic(low=0.5, period=1.5)],
    "decay": [Decay(), Decay(power=0.5, offset=0.2)],
    "one_cycle": [OneCycle(), OneCycle(rising=0.5, start=0.2, end=0.01)],
    "step": [Step(), Step(milestones=(0.25, 0.5, 0.75), gamma=0.5)],
}

PENALTY_SETTINGS: dict[str, list[PenaltySettings]] = {
    "none": [NoPenalty()],
    "norms": [
        Norms(l1=1e-3, l2=0.1),
        Norms(l1=0.01, decoupled=True),
        Norms(l2=0.1, decoupled=True, exempt=False),
    ],
    "dropout": [Dropout(), Dropout(rate=0.2, l1=0.01, l2=0.1, decoupled=True, exempt=False)],
}

AVERAGE_SETTINGS: dict[str, list[AverageSettings]] = {
    "last": [Last()],
    "polyak": [Polyak(), Polyak(start_share=0.0)],
    "exponential": [Exponential(decay=0.9), Exponential(decay=0.5)],
}

# Every estimator with a step rule, and every step rule with plain gradients: the two meet in the
# direction alone, so that not all pairs need a test of each kind.
_PAIRS = sorted(
    {
        *zip(ESTIMATOR_SETTINGS, cycle(OPTIMIZER_SETTINGS), strict=False),
        *(("plain", optimizer) for optimizer in OPTIMIZER_SETTINGS),
    }
)
# Rules coordinate by coordinate, which their twins hold to every step: as lanes they are as Adam.
AS_ADAM = {
    ("plain", rule) for rule in ("adadelta", "adamax", "heavy_ball", "nadam", "radam", "rmsprop")
}
PROGRAMS = [
    pytest.param(*pair, marks=pytest.mark.slow if pair in AS_ADAM else ()) for pair in _PAIRS
]
# Those whose steps a CUDA graph replays.
CAPTURED = [
    program
    for pair, program in zip(_PAIRS, PROGRAMS, strict=True)
    if OPTIMIZER_SETTINGS[pair[1]][0].algorithm.captures
]


def configs(estimator: str, optimizer: str, count: int | None = None) -> list[TrialConfig]:
    """Settings that share a program: each of the estimator's and each of the optimizer's."""
    of_estimator, of_optimizer = ESTIMATOR_SETTINGS[estimator], OPTIMIZER_SETTINGS[optimizer]
    count = count or max(len(of_estimator), len(of_optimizer))
    pairs = zip(cycle(of_estimator), cycle(of_optimizer), strict=False)
    return [
        TrialConfig(
            estimator=e,
            optimizer=o.model_copy(update={"lr": None}) if e.sets_step_size else o,
        )
        for e, o in islice(pairs, count)
    ]
