"""STORM in skorch, and so in scikit-learn: a pipeline whose settings a grid search tries."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from torch import nn

from vrtune.optim import STORM

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
net = NeuralNetClassifier(
    nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
    criterion=nn.CrossEntropyLoss,
    optimizer=STORM,
    lr=1.0,  # a factor on the step size that STORM sets itself
    optimizer__w=0.1,
    optimizer__c=10.0,
    batch_size=32,
    max_epochs=5,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)
search = GridSearchCV(net, {"optimizer__k": [0.01, 0.1, 1.0]}, cv=3)
search.fit(x[:1500], y[:1500])
print(f"best k {search.best_params_['optimizer__k']}")
print(f"test accuracy {search.score(x[1500:], y[1500:]):.4f}")
