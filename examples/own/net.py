"""A model of one's own: what it needs of shape, classes and norm is asked for by name."""

from torch import nn


class Net(nn.Module):
    """Two convolutions, dropout, a linear layer."""

    def __init__(self, shape, classes, width=16):
        super().__init__()
        channels, height, side = shape
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(width * (height // 2) * (side // 2), classes),
        )

    def forward(self, x):
        return self.layers(x)
