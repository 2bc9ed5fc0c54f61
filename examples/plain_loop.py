"""SVRG in a plain PyTorch loop: digits, a small net, two epochs."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from vrtune.optim import SVRG

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
batches = [*DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=32, shuffle=True)]
model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
optimizer = SVRG(model.parameters(), lr=0.1)


def gradient(batch):
    """Forward and backward of a batch: what a closure of torch.optim.LBFGS does."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    return loss


for epoch in range(5):
    optimizer.snapshot(batches, gradient)  # the whole gradient, at the weights of now
    total = 0.0
    for batch in batches:
        total += optimizer.step(lambda batch=batch: gradient(batch)).item() * len(batch[1])
    print(f"epoch {epoch + 1}  training loss {total / 1500:.4f}")

model.eval()
accuracy = (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
print(f"test accuracy {accuracy:.4f} after {optimizer.gradient_computations} gradients")
