"""The part of a program that reads its data: (x, y) to train on, and (x, y) to test with."""

from __future__ import annotations

from pathlib import Path

from vrtune.config import Task
from vrtune.data import TABLES
from vrtune.exporting.code import literal
from vrtune.exporting.given_data import (
    DATA_DIR,
    INPUTS,
    LABELS,
    NUMBERS,
    NUMPY,
    TORCH,
    own_data,
    table_data,
)
from vrtune.exporting.imports import Import, Piece
from vrtune.own.objects import is_object

DATA = '    parser.add_argument("--data", default={}, help="{}")'

DIGITS = '''\
def load_data():
    """scikit-learn's digits, 8x8 enlarged to 16x16, in 0..1; a fifth is the test set."""
    digits = load_digits()
    x = torch.from_numpy(digits.images).float().unsqueeze(1) / 16
    x = F.interpolate(x, size=(16, 16), mode="bilinear", align_corners=False)
    y = torch.from_numpy(digits.target).long()
    parts = train_test_split(np.arange(len(y)), test_size=360, random_state=0, stratify=y)
    return [(x[rows], y[rows]) for rows in map(np.sort, parts)]
'''

TORCHVISION = '''\
def load_data(data_dir):
    """{reader}, in 0..1."""
    parts = [datasets.{reader}(data_dir, train=train, download=True) for train in (True, False)]
    return [(images(part.data), torch.as_tensor(part.targets)) for part in parts]


def images(x):
    """[N, C, H, W]"""
    return {images}
'''
GRAY = "x.unsqueeze(1) / 255"
COLOUR = "torch.as_tensor(x).permute(0, 3, 1, 2).contiguous() / 255"
READERS = {
    "mnist": ("MNIST", GRAY),
    "fashion-mnist": ("FashionMNIST", GRAY),
    "cifar10": ("CIFAR10", COLOUR),
    "cifar100": ("CIFAR100", COLOUR),
}

FOLDER = '''\
def load_data(folder):
    """Images of folder/train/CLASS and folder/test/CLASS, in 0..1."""
    names = sorted(path.name for path in Path(folder, "train").iterdir() if path.is_dir())
    train, test = (read(Path(folder, part), names) for part in ("train", "test"))
    mode = "L" if all(image.mode == "L" for image, _ in train) else "RGB"
    return [stacked(part, mode) for part in (train, test)]


def read(folder, names):
    """Upright images of the folder of each class, to any depth, and their labels."""
    known, samples = Image.registered_extensions(), []
    for y, name in enumerate(names):
        for file in sorted((folder / name).rglob("*.*")):
            if file.suffix.lower() in known:
                with Image.open(file) as image:
                    samples.append((ImageOps.exif_transpose(image), y))
    return samples


def stacked(samples, mode):
    """x [N, C, H, W] and y [N]"""
    x = np.stack([np.asarray(image.convert(mode)) for image, _ in samples])
    x = torch.from_numpy(x).float() / 255
    x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
    return x, torch.tensor([y for _, y in samples])
'''

ARRAYS = '''\
def load_data(path):
    """The arrays of a file."""
    with np.load(path) as arrays:
        return prepared(*[arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")])
'''

LIMITED = '''\
def limited(x, y):
    """The samples that the search used: {limit}, every class in its proportion."""
    order = np.random.default_rng({seed}).permutation(len(y))
    labels, share = y.numpy(), np.empty(len(y))
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        share[labels[order] == label] = np.arange(count) / count
    rows = np.sort(order[np.argsort(share, kind="stable")[:{limit}]])
    return x[rows], y[rows]
'''
SOME = '''\
def limited(x, y):
    """The samples that the search used: {limit}."""
    rows = np.sort(np.random.default_rng({seed}).permutation(len(y))[:{limit}])
    return x[rows], y[rows]
'''


def data_of(task: Task, *, numbers: bool) -> tuple[Piece, str]:
    """What reads a task's data set, and the option of the program that says where it lies."""
    name, ending = task.dataset, Path(task.dataset).suffix.lower()
    if name == "digits":
        return Piece(DIGITS, _DIGITS, "load_data()"), ""
    if name in READERS:
        reader, images = READERS[name]
        text = TORCHVISION.format(reader=reader, images=images)
        needed = (TORCH, Import("torchvision", "datasets"))
        return Piece(text, needed, "load_data(given.data_dir)"), DATA_DIR
    if is_object(name):
        return own_data(name, numbers=numbers)
    where, what = literal(name), "the file" if ending in (*TABLES, ".npz") else "the folder"
    option = DATA.format(where, what)
    if task.target is not None:
        return table_data(task, numbers=numbers), option
    if ending == ".npz":
        arrays = "\n\n".join([ARRAYS, NUMBERS if numbers else LABELS, INPUTS])
        return Piece(arrays, (NUMPY, TORCH), "load_data(given.data)"), option
    reading = (NUMPY, TORCH, Import("pathlib", "Path"), *_PILLOW)
    return Piece(FOLDER, reading, "load_data(given.data)"), option


_DIGITS = (
    *(NUMPY, TORCH, Import("torch.nn", "functional", "F")),
    *(
        Import("sklearn.datasets", "load_digits"),
        Import("sklearn.model_selection", "train_test_split"),
    ),
)
_PILLOW = (Import("PIL", "Image"), Import("PIL", "ImageOps"))


def limit_of(task: Task, *, numbers: bool) -> Piece | None:
    """What takes the samples that a limited task uses."""
    if task.limit is None:
        return None
    text = (SOME if numbers else LIMITED).format(limit=task.limit, seed=task.seed)
    return Piece(text, (NUMPY,), "limited(x, y)")
