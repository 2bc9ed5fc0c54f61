"""Optimizers chosen by Hydra: python hydra_loop.py optimizer=storm, or optimizer.lr=0.05."""

import hydra
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F


@hydra.main(version_base=None, config_path="hydra_conf", config_name="config")
def main(config: DictConfig) -> None:
    torch.manual_seed(config.seed)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = instantiate(config.optimizer)(model.parameters())

    def gradient(rows):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        return loss

    batches = torch.randperm(1500).split(32)
    for _ in range(config.epochs):
        if getattr(optimizer, "snapshot_due", False):
            optimizer.snapshot(batches, gradient)
        for rows in batches:
            optimizer.step(lambda rows=rows: gradient(rows))
    accuracy = (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
    print(f"{type(optimizer).__name__}: test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
