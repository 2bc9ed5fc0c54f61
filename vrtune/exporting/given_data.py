"""Users' data in a program: what a function of theirs gives, and tables."""

from __future__ import annotations

from pathlib import Path

from vrtune.config import Task
from vrtune.data import TABLES
from vrtune.exporting.code import literal
from vrtune.exporting.imports import Import, Piece
from vrtune.exporting.owned import arguments, called, imported

NUMPY, TORCH = Import("numpy", alias="np"), Import("torch")
DATA_DIR = '    parser.add_argument("--data-dir", default="data", help="where the data lie")'

LABELS = '''\
def prepared(x, y, x_test, y_test):
    """As tensors; labels are numbered in sorted order."""
    names, y = np.unique(np.ravel(y), return_inverse=True)
    y_test = np.searchsorted(names, np.ravel(y_test))
    return [(inputs(x), torch.from_numpy(y)), (inputs(x_test), torch.from_numpy(y_test))]
'''
NUMBERS = '''\
def prepared(x, y, x_test, y_test):
    """As tensors."""
    return [(inputs(x), numbers(y)), (inputs(x_test), numbers(y_test))]


def numbers(y):
    """[N]"""
    return torch.from_numpy(np.asarray(y, np.float32)).flatten()
'''
INPUTS = '''\
def inputs(x):
    """[N, C, H, W], bytes in 0..1; each column of a table [N, D] is a channel of one pixel."""
    x = np.asarray(x)
    x = torch.from_numpy(x.astype(np.float32) / (255 if x.dtype == np.uint8 else 1))
    if x.ndim == 2:
        return x[:, :, None, None]
    if x.ndim == 3:
        return x.unsqueeze(1)
    return x if x.shape[1] in (1, 3) else x.permute(0, 3, 1, 2).contiguous()
'''

OWN = '''\
def load_data({given}):
    """What {name} gives."""
    found = {call}
    if isinstance(found, dict):
        found = [found[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    train, test = (found[:2], found[2:]) if len(found) == 4 else found
    return prepared(*arrays(train), *arrays(test))


def arrays(part):
    """x and y of a pair of arrays, or of a Dataset; either may be a function that gives it."""
    part = part() if callable(part) else part
    if isinstance(part, tuple | list):
        return [array(one() if callable(one) else one) for one in part]
    x, y = zip(*[part[i] for i in range(len(part))], strict=True)
    return array(x), array(y)


def array(one):
    """A tensor, an image, or a list of these or of numbers, as an array."""
    if isinstance(one, torch.Tensor):
        one = one.detach().cpu()
        return (one.float() if one.is_floating_point() else one).numpy()
    if hasattr(one, "convert") and not (one.mode == "L" or one.mode[0] in "FI"):
        one = one.convert("RGB")
    if isinstance(one, tuple | list) and not np.isscalar(one[0]):
        return np.stack([array(part) for part in one])
    return np.asarray(one)
'''

TABLE = '''\
def load_data(path):
    """The columns of a table as numbers; {split}."""
    path = Path(path)
{read}{targets}    x, y = torch.from_numpy(encoded(table, known)), torch.from_numpy(y)
    return [(x[rows], y[rows]) for rows in (known, others)]


# texts that are missing values
MISSING = ["", "?", "NA", "N/A", "#NA", "#N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null"]


def read(path, texts=()):
    """A table without its index; `texts` are columns that are not taken for numbers."""
    if path.suffix.lower() in (".parquet", ".pq"):
        table = pd.read_parquet(path)
        table = table.reset_index() if table.index.name else table
    else:
        table = pd.read_csv(
            path,
            sep=separator(path),
            encoding="utf-8-sig",
            dtype=dict.fromkeys(texts, str),
            keep_default_na=False,
            na_values=MISSING,
        )
    table.columns = table.columns.str.strip()
    table = table.loc[:, ~table.columns.str.fullmatch(r"__index_level_\\d+__|Unnamed: \\d+")]
    return table.apply(plain)


def separator(path):
    """That which cuts most of the first lines into as many fields as the first of them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = file.readlines(65536)[:50]

    def agreement(mark):
        counts = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        return counts.count(counts[0]) / len(counts) * (counts[0] > 1), counts[0]

    return max(",;\\t|", key=agreement)


def plain(column):
    """Truth values, decimals, and numbers whose point is a comma, as floats; trimmed texts."""
    there = column.dropna()
    if pd.api.types.is_numeric_dtype(column) or there.empty:
        return column
    if not isinstance(there.iloc[0], str):
        return column.astype(float)
    column, there = column.astype(object).str.strip(), there.str.strip()
    commas = there.str.fullmatch(r"[-+]?\\d+(,\\d+)?(e[-+]?\\d+)?", case=False).all()
    if commas and there.str.contains(",").any():
        return column.str.replace(",", ".").astype(float)
    return column


def encoded(table, known):
    """x [N, D, 1, 1]: texts are a column each; what is missing is the median, and marked.

    All of it is learned from the rows that are known.
    """
    columns = []
    for _, column in table.drop(columns={target}).items():
        there, missing = column.iloc[known].dropna(), column.isna()
        marked = missing.iloc[known].any()
        if there.nunique() + marked < 2:
            continue
        if pd.api.types.is_numeric_dtype(column):
            columns.append(column.fillna(there.median()))
        elif there.nunique() <= max(20, len(there) // 2):
            columns += [column == text for text in sorted(there.unique())]
        else:  # names
            continue
        columns += [missing] * int(marked)
    return np.stack([column.to_numpy(np.float32) for column in columns], 1)[:, :, None, None]
'''
ONE = """\
    table = read(path)
"""
TWO = """\
    files = [file for file in sorted(path.iterdir()) if file.suffix in {endings}]
    first = read(next(file for file in files if file.stem == "train"))
    texts = first.columns[~first.dtypes.map(pd.api.types.is_numeric_dtype)]
    second = read(next(file for file in files if file.stem == "test"), texts)
    table, first = pd.concat([first, second], ignore_index=True), len(first)
    known, others = np.arange(first), np.arange(first, len(table))
"""
HALVES = """\
    known, others = halves(y)
"""
OF_LABELS = """\
    names, y = np.unique(table[{target}], return_inverse=True)
"""
OF_NUMBERS = """\
    y = table[{target}].to_numpy(np.float32)
"""
SPLIT = '''\
def halves(y):
    """Rows to train on, every class in its proportion, and a fifth to test with."""
    order, share = np.random.default_rng(0).permutation(len(y)), np.empty(len(y))
    for label, count in zip(*np.unique(y, return_counts=True), strict=True):
        share[y[order] == label] = np.arange(count) / count
    rows = order[np.argsort(share, kind="stable")]
    kept = len(y) - round(0.2 * len(y))
    return np.sort(rows[:kept]), np.sort(rows[kept:])
'''
SPLIT_NUMBERS = '''\
def halves(y):
    """Rows to train on, and a fifth to test with."""
    rows = np.random.default_rng(0).permutation(len(y))
    kept = len(y) - round(0.2 * len(y))
    return np.sort(rows[:kept]), np.sort(rows[kept:])
'''


def own_data(text: str, *, numbers: bool) -> tuple[Piece, str]:
    """What calls a user's function, and the option that it may need."""
    asked = arguments(text, ("data_dir",))
    name = called(text)
    call = f"{name}(data_dir=Path(data_dir))" if asked else f"{name}()"
    own = OWN.format(given="data_dir" if asked else "", name=name, call=call)
    needed = (NUMPY, TORCH, imported(text), *([Import("pathlib", "Path")] if asked else []))
    whole = "\n\n".join([own, NUMBERS if numbers else LABELS, INPUTS])
    load = "load_data(given.data_dir)" if asked else "load_data()"
    return Piece(whole, needed, load), DATA_DIR if asked else ""


def table_data(task: Task, *, numbers: bool) -> Piece:
    """What reads a table, or two in a folder."""
    one = Path(task.dataset).suffix.lower() in TABLES
    target = literal(str(task.target).strip())
    targets = (OF_NUMBERS if numbers else OF_LABELS).format(target=target)
    text = TABLE.format(
        split="a fifth of the rows is the test set" if one else "train and test are files",
        read=ONE if one else TWO.format(endings=literal(TABLES)),
        targets=targets + HALVES * one,
        target=target,
    )
    split = [SPLIT_NUMBERS if numbers else SPLIT] if one else []
    needed = (
        *(NUMPY, TORCH, Import("csv"), Import("pandas", alias="pd")),
        Import("pathlib", "Path"),
    )
    return Piece("\n\n".join([text, *split]), needed, "load_data(given.data)")
