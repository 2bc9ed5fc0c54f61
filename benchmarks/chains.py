"""SGLD on a logistic regression's posterior with plain, SVRG's and SAGA's gradients.

    python benchmarks/chains.py [--epochs 64] [--chains 64] [--lrs 0.1 0.3 1.0] [--batch-size 4]

The mean squared error, over chains and weights and in units of the posterior's variance, of the
running mean of a chain, and how far its samples' variance is from the posterior's, over gradient
computations (one is a mini-batch backward). Chains start at 0 and are lanes; the posterior's own
figures are of a random walk in NumPy. Prints a row a case and writes docs/benchmarks/chains.json.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from record import asking, write
from torch import Tensor, nn

from vrtune import SAGA, SGLD, SVRG, Plain, TrialConfig
from vrtune.lanes import Lane, Lanes, Stream
from vrtune.lanes.rows import Program
from vrtune.units import EstimatorSettings

N, WEIGHTS, PRIOR = 100, 5, 1.0
ESTIMATORS: tuple[EstimatorSettings, ...] = (Plain(), SVRG(snapshot_period=1), SAGA())
Figures = tuple[np.ndarray, np.ndarray]  # mean and variance of each weight


def made() -> tuple[np.ndarray, np.ndarray]:
    """Inputs of several scales, and labels drawn from a logistic regression."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, WEIGHTS)) * np.linspace(0.5, 2.0, WEIGHTS)
    truth = rng.normal(size=WEIGHTS)
    return x, (rng.random(N) < 1 / (1 + np.exp(-x @ truth))).astype(np.int64)


def random_walk(x: np.ndarray, y: np.ndarray, walkers: int = 200, steps: int = 10_000) -> Figures:
    """Metropolis with normal proposals."""
    rng = np.random.default_rng(1)

    def log_p(w: np.ndarray) -> np.ndarray:
        logits = w @ x.T
        return (y * logits - np.logaddexp(0, logits)).sum(1) - PRIOR / 2 * (w**2).sum(1)

    w = np.zeros((walkers, WEIGHTS))
    now, scale = log_p(w), 0.25
    total, squares, count = np.zeros(WEIGHTS), np.zeros(WEIGHTS), 0
    for t in range(steps):
        proposed = w + scale * rng.normal(size=w.shape)
        then = log_p(proposed)
        accept = np.log(rng.random(walkers)) < then - now
        w, now = np.where(accept[:, None], proposed, w), np.where(accept, then, now)
        if t >= steps // 10:
            total, squares, count = total + w.sum(0), squares + (w**2).sum(0), count + walkers
    mean = total / count
    return mean, squares / count - mean**2


class Logistic(nn.Module):
    """Logits (0, w x)."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(WEIGHTS).double())

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, 1, WEIGHTS] -> [B, 2]."""
        logit = x.flatten(1) @ self.w
        return torch.stack([0 * logit, logit], 1)


def course(
    estimator: EstimatorSettings,
    lr: float,
    data: tuple[Tensor, Tensor],
    truth: Figures,
    *,
    epochs: int,
    chains: int,
    batch_size: int,
) -> list[dict[str, float]]:
    """After each of 1, 2, 4 ... epochs: gradient computations of a chain, and its errors."""
    config = TrialConfig(estimator=estimator, optimizer=SGLD(lr=lr, prior_precision=PRIOR))
    lanes = Lanes(Logistic, data, batch_size, Program.of(config), fused=True, epochs=epochs)
    every, one = torch.arange(N), torch.ones(1).double()
    streams = [Stream(f"seed {i}", 1, every, every, one, 0 * one) for i in range(chains)]
    lanes.append([Lane(0, config, stream) for stream in streams])
    total, squares, seen = torch.zeros_like(lanes.rows.W), torch.zeros_like(lanes.rows.W), 0
    mean, variance = map(torch.from_numpy, truth)
    found, done = [], -1

    def after_step() -> None:
        nonlocal seen, done
        if lanes.steps_done and lanes.steps_done != done:  # not in a snapshot's pass
            total.add_(lanes.rows.W)
            squares.add_(lanes.rows.W.square())
            seen += 1
            done = lanes.steps_done

    for epoch in range(1, epochs + 1):
        done = -1
        lanes.train_epoch(after_step)
        if epoch & (epoch - 1) == 0:
            running = total / seen
            spread = squares.mean(0) / seen - running.mean(0).square()
            found.append(
                {
                    "epoch": epoch,
                    "gradient_computations": lanes.seats[0].gradient_computations,
                    "error": float(((running - mean).square() / variance).mean()),
                    "excess_variance": float((spread / variance).mean() - 1),
                }
            )
    return found


def main() -> None:
    """Runs every case."""
    parser = asking(__doc__ or "")
    parser.add_argument("--epochs", type=int, default=64)
    parser.add_argument("--chains", type=int, default=64)
    parser.add_argument("--lrs", type=float, nargs="+", default=[0.1, 0.3, 1.0])
    parser.add_argument("--batch-size", type=int, default=4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    x, y = made()
    truth = random_walk(x, y)
    data = torch.from_numpy(x).view(N, 1, 1, WEIGHTS), torch.from_numpy(y)
    rows: list[dict[str, Any]] = []
    for lr in given.lrs:
        for estimator in ESTIMATORS:
            rows.append({"lr": lr, "estimator": estimator.kind})
            rows[-1]["course"] = course(
                estimator,
                lr,
                data,
                truth,
                epochs=given.epochs,
                chains=given.chains,
                batch_size=given.batch_size,
            )
            last = rows[-1]["course"][-1]
            print(
                f"lr {lr:<5} {estimator.kind:<6} {last['gradient_computations']:7,.0f} gradients: "
                f"error {last['error']:.4f}, excess variance {last['excess_variance']:+.3f}",
                flush=True,
            )
    device = torch.device("cpu")
    write(given.output_dir / "chains", device, given.chains, {"samples": N, "rows": rows})


if __name__ == "__main__":
    main()
