"""SVRG in Lightning: `training_step` is the closure, the snapshot a hook of the epoch."""

import lightning
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from vrtune.optim import SVRG


class Digits(lightning.LightningModule):
    """A small net."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def training_step(self, batch, index):
        x, y = batch
        return F.cross_entropy(self.net(x), y)

    def configure_optimizers(self):
        return SVRG(self.parameters(), lr=0.2)

    def on_train_epoch_start(self) -> None:
        optimizer = self.optimizers().optimizer

        def gradient(batch):
            optimizer.zero_grad()
            loss = self.training_step(batch, 0)
            loss.backward()
            return loss

        optimizer.snapshot(self.trainer.train_dataloader, gradient)

    def test_step(self, batch, index):
        x, y = batch
        self.log("accuracy", (self.net(x).argmax(1) == y).float().mean())


if __name__ == "__main__":
    lightning.seed_everything(0, verbose=False)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
    training = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=32, shuffle=True)
    test = DataLoader(TensorDataset(x[1500:], y[1500:]), batch_size=297)
    trainer = lightning.Trainer(
        max_epochs=5, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    model = Digits()
    trainer.fit(model, training)
    print(f"test accuracy {trainer.test(model, test, verbose=False)[0]['accuracy']:.4f}")
