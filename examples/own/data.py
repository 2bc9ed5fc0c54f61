"""Data of one's own: training and test part, as arrays, tensors or torch data sets."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def load():
    digits = load_digits()
    images, labels = digits.images.astype("float32") / 16, digits.target
    x, x_test, y, y_test = train_test_split(
        images, labels, test_size=0.2, random_state=0, stratify=labels
    )
    return (x, y), (x_test, y_test)
