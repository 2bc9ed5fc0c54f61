"""Search spaces: valid settings, grids inside their ranges, and mistakes told in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from vrtune import SGD, Default, MetaInit, Plain, TrialConfig, spaces
from vrtune.errors import UsageError
from vrtune.spaces import edge_notes

FOLDER = Path(__file__).parents[2] / "search_spaces"
SPACES = sorted(path.stem for path in FOLDER.glob("*.py"))
INITS = sorted(path.stem for path in (FOLDER / "inits").glob("*.py"))

# every space as it is, and every init beside the space that says least
PAIRS = [(name, "default") for name in SPACES] + [("sgd", i) for i in INITS if i != "default"]
every_pair = pytest.mark.parametrize(("name", "init"), PAIRS)
WITH_GRID = [pair for pair in PAIRS if "\nGRID" in (FOLDER / f"{pair[0]}.py").read_text()]

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a user's own module."""

    def write(text: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text("from vrtune import *\n\n" + text)
        return path

    return write


def trials(count: int) -> list[optuna.Trial]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    return [study.ask() for _ in range(count)]


def test_all_spaces_are_found_by_name() -> None:
    assert set(SPACES) >= {"adagrad", "adam", "sgd", "storm", "svrg"}
    known = {"any", "default", "he", "metainit", "orthogonal", "sparse", "uniform", "xavier"}
    assert set(INITS) == known
    assert set(SPACES) <= set(spaces.names())


@every_pair
def test_samples_valid_settings(name: str, init: str) -> None:
    """Twenty of them, all different; they are what the trial suggested and survive JSON."""
    space = spaces.load(name, init)
    seen = set()
    for trial in trials(20):
        config = space.suggest(trial)
        assert TrialConfig.model_validate_json(config.model_dump_json()) == config
        assert config.init.kind == trial.params.get("init", init)
        numbers = {
            value
            for _, unit in config
            for value in unit.model_dump().values()
            if isinstance(value, float | int | str)
        }
        floats = [value for value in numbers if isinstance(value, float)]
        for value in trial.params.values():  # or 1 - momentum is
            near = isinstance(value, float) and value in [pytest.approx(1 - f) for f in floats]
            assert value in numbers or near, "every suggestion is used"
        assert trial.params
        seen.add(config.model_dump_json())
    assert len(seen) == 20
    space.check()


@pytest.mark.parametrize(("name", "init"), WITH_GRID)
def test_grid_lies_inside_the_ranges(name: str, init: str) -> None:
    """FixedTrial raises for a missing name and warns of a value out of range."""
    space = spaces.load(name, init)
    grid = space.grid()
    for point in grid:
        trial = optuna.trial.FixedTrial(point)
        space.suggest(trial)
        assert trial.params == point, "no name in the grid goes unused"
        for parameter, distribution in trial.distributions.items():
            inside = distribution._contains(distribution.to_internal_repr(point[parameter]))
            assert inside, f"{parameter} = {point[parameter]} is outside {distribution}"
    assert len({tuple(point.items()) for point in grid}) == len(grid)


@every_pair
def test_default_is_one_setting_inside_the_ranges(name: str, init: str) -> None:
    """With all that suggest asks for, off every range's edge."""
    space = spaces.load(name, init)
    point = space.default()
    trial = optuna.trial.FixedTrial(point)
    kind = space.suggest(trial).init.kind  # type: ignore[arg-type]
    assert kind == ("default" if init == "any" else init)
    assert trial.params == point != {}
    assert edge_notes(trial.params, trial.distributions) == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sgd", {"lr": 0.1}),
        ("adam", {"lr": 1e-3}),
        ("adagrad", {"lr": 1e-2}),
        ("svrg", {"lr": 0.1}),
        ("storm", {"k": 0.1, "w": 0.1, "c": 100.0}),
        ("mars", {"lr": 3e-3, "gamma": 0.025}),
        ("alpha_svrg", {"lr": 0.1, "alpha": 0.5, "decay": True}),
    ],
)
def test_default_is_that_of_the_papers(name: str, wanted: dict[str, float]) -> None:
    assert spaces.load(name).default() == wanted


def test_default_is_joined_with_that_of_the_init() -> None:
    assert spaces.load("sgd", "metainit").default() == {
        "lr": 0.1,
        "metainit_lr": 0.1,
        "metainit_momentum": 0.9,
        "metainit_steps": 200,
        "metainit_epsilon": 1e-5,
    }


def test_svrg_takes_a_snapshot_every_epoch() -> None:
    assert spaces.load("svrg").check().estimator.period == 1


def test_a_late_start_is_a_share_of_the_run() -> None:
    """Whatever its length."""
    trial = optuna.trial.FixedTrial({"lr": 0.1, "start_share": 0.5, "warmup": 0.0})
    late = spaces.load("svrg_late").suggest(trial).estimator  # type: ignore[arg-type]
    assert [late.over(epochs).start for epochs in (4, 100)] == [2, 50]


@pytest.mark.parametrize("init", [name for name in INITS if name != "any"])
@pytest.mark.parametrize(
    ("name", "points"), [("sgd", 5), ("adam", 5), ("svrg", 5), ("adagrad", 4), ("storm", 20)]
)
def test_grid_is_that_of_the_source_tables(name: str, points: int, init: str) -> None:
    assert len(spaces.load(name, init).grid()) == points


def test_any_init_asks_for_the_settings_of_the_one_it_chose() -> None:
    """Its grid has every init once, beside each of the method's points."""
    grid = spaces.load("sgd", "any").grid()
    assert len(grid) == 5 * (len(INITS) - 1)
    assert {point["init"] for point in grid} == {*INITS} - {"any"}
    for point in grid:
        own = {name.partition("_")[0] for name in point if name not in ("lr", "init")}
        assert own in ({point["init"]}, set())


def test_grid_names_every_combination() -> None:
    points = [tuple(point.values()) for point in spaces.load("storm").grid()]
    assert points[:2] == [(1e-3, 0.1, 0.1), (1e-3, 0.1, 1.0)]
    assert points[-1] == (1.0, 0.1, 1000.0)
    assert len(set(points)) == 20


def test_init_of_the_task_is_joined() -> None:
    trial = trials(1)[0]
    config = spaces.load("storm", "metainit").suggest(trial)
    assert isinstance(config.init, MetaInit)
    assert config.init.lr == trial.params["metainit_lr"]
    assert set(trial.params) == {
        "k",
        "w",
        "c",
        "metainit_lr",
        "metainit_momentum",
        "metainit_steps",
        "metainit_epsilon",
    }


# ---- a user's own ------------------------------------------------------------------------------

OWN = """
GRID = {"rate": [0.1, 0.2]}

def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("rate", 0.1, 0.2), momentum=0.5))
"""


def test_own_file_by_path(write: Write) -> None:
    path = write(OWN)
    space = spaces.load(str(path))
    assert (space.name, space.path) == ("mine", path)
    assert space.suggest(trials(1)[0]).optimizer.momentum == 0.5
    assert space.grid() == [{"rate": 0.1}, {"rate": 0.2}]


def test_own_file_by_name_and_before_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "search_spaces"
    folder.mkdir()
    (folder / "sgd.py").write_text("from vrtune import *\n" + OWN)
    (folder / "inits").mkdir()
    (folder / "inits" / "mine.py").write_text(
        "from vrtune import *\ndef suggest(trial):\n    return MetaInit(steps=7)\n"
    )
    monkeypatch.chdir(tmp_path)
    space = spaces.load("sgd", "mine")
    assert space.path == folder / "sgd.py"
    assert space.suggest(trials(1)[0]).init == MetaInit(steps=7)
    installed = spaces.load("adam").path  # a copy, unless the installation is editable
    assert installed.read_text() == (FOLDER / "adam.py").read_text()


def test_a_method_may_choose_its_own_init(write: Write) -> None:
    """The task's init wins unless it is the default."""
    path = write(
        "def suggest(trial):\n"
        "    return TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(steps=3))\n"
    )
    assert spaces.load(str(path)).suggest(trials(1)[0]).init == MetaInit(steps=3)
    joined = spaces.load(str(path), "metainit").suggest(trials(1)[0])
    assert joined.init.steps >= 50


# ---- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("strom", "no search space 'strom': did you mean storm"),
        ("zzz", "choose one of adadelta, adagrad"),
        ("nowhere/mine.py", "no file nowhere/mine.py"),
    ],
)
def test_an_unknown_space_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        spaces.load(name)


def test_an_unknown_init_is_refused() -> None:
    with pytest.raises(UsageError, match="no init 'x': choose one of any, default, he, metainit"):
        spaces.load("sgd", "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "can't be imported: ZeroDivisionError"),
        ("def suggest(trial:", "can't be imported: SyntaxError"),
        ("import no_such_module", "can't be imported: ModuleNotFoundError"),
        ("def sugest(trial): ...", "define suggest"),
        ("suggest = 3", "define suggest"),
    ],
)
def test_a_file_that_is_no_space_is_refused(write: Write, text: str, message: str) -> None:
    path = write(text)
    with pytest.raises(UsageError, match=message) as caught:
        spaces.load(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('k')", "raised KeyError: 'k'"),
        ("return SGD(lr=0.1)", "must return a TrialConfig, not SGD"),
        ("return {'lr': 0.1}", "must return a TrialConfig, not dict"),
        ("pass", "must return a TrialConfig, not NoneType"),
        ("return TrialConfig(optimizer=SGD(lr=0.1, momentun=0.9))", "refused: momentun"),
        ("return TrialConfig(optimizer=SGD(lr=-1))", "refused: lr.*greater than 0"),
        ("return TrialConfig(optimizer=SGD())", "needs a learning rate"),
        ("return TrialConfig(estimator=STORM(), optimizer=SGD(lr=1))", "leave the optimizer's lr"),
        ("return trial.suggest_flot('lr', 0, 1)", "raised AttributeError"),
        (
            "from typing import Literal\n"
            "    from vrtune.schedules import ScheduleSettings\n"
            "    class Fall(ScheduleSettings):\n"
            "        kind: Literal['fall'] = 'fall'\n"
            "    return TrialConfig(optimizer=SGD(lr=1), schedule=Fall())",
            "Fall can't run: define its factors",
        ),
        (
            "from typing import Literal\n"
            "    from vrtune.estimators import EstimatorSettings\n"
            "    class Half(EstimatorSettings):\n"
            "        kind: Literal['half'] = 'half'\n"
            "    return TrialConfig(optimizer=SGD(lr=1), estimator=Half())",
            "Half has settings only: derive from Estimator, with settings = Half",
        ),
    ],
)
def test_a_suggestion_that_fails_is_told_with_its_file(
    write: Write, body: str, message: str
) -> None:
    path = write(f"def suggest(trial):\n    {body}\n")
    space = spaces.load(str(path))
    with pytest.raises(UsageError, match=message) as caught:
        space.check()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_space_without_a_grid_says_so(write: Write) -> None:
    path = write("def suggest(trial):\n    return TrialConfig(optimizer=SGD(lr=0.1))\n")
    with pytest.raises(UsageError, match="has no GRID"):
        spaces.load(str(path)).grid()


def test_check_leaves_no_trace(write: Write) -> None:
    """It asks for a trial outside any storage, the same one each time."""
    path = write(
        "ASKED = []\n"
        "def suggest(trial):\n"
        "    ASKED.append(trial.suggest_float('lr', 0.1, 1))\n"
        "    return TrialConfig(optimizer=SGD(lr=ASKED[-1]))\n"
    )
    space = spaces.load(str(path))
    space.check()
    space.check()
    assert len(space.method.ASKED) == 2
    assert len(set(space.method.ASKED)) == 1


def test_plain_settings_are_equal_by_value() -> None:
    """What a space returns can be compared with what a test writes down."""
    assert TrialConfig(optimizer=SGD(lr=0.1)) == TrialConfig(
        estimator=Plain(), optimizer=SGD(lr=0.1), init=Default()
    )
