"""What studies are about, in words."""

from __future__ import annotations

import optuna
from reference.made_studies import make

from vrtune.comparing.tuned import read_tuned
from vrtune.config import Task
from vrtune.display.measures import Measure
from vrtune.reporting.report import Report
from vrtune.reporting.words import brief, chosen, listed, sentence, task_words, title
from vrtune.studies.record import load_study


def test_a_title_names_methods_and_data(found: Report) -> None:
    assert title(found.tuned[:1]) == "sgd on digits"
    assert title([found.tuned[0], found.tuned[2]]) == "sgd and storm on digits"
    assert title([found.tuned[0]] * 3) == "sgd on digits"


def test_a_task_in_a_sentence() -> None:
    said = task_words(Task(dataset="/data/my.npz", norm="batch", limit=6000, holdout=0.25))
    assert said == (
        "lenet with batch norm on my.npz (6,000 training samples), 25% of the samples held out, "
        "20 epochs, batches of 32, seed 1"
    )
    assert "1 epoch," in task_words(Task(epochs=1))
    assert "crop-flip" in task_words(Task(augment="crop-flip"))


def test_a_study_in_a_line_and_its_choice(found: Report) -> None:
    assert brief(found.tuned[0]).endswith("validation loss 0.56; test accuracy 0.9500")
    known = dict(chosen(found.tuned[0]))
    assert known["setting"].startswith("lr=0.001, ")
    assert known["test accuracy"] == "0.9500 ± 0.0100, 3 seeds"
    assert "test accuracy" not in dict(chosen(found.tuned[2]))


def test_sentences_begin_large_unless_with_a_name() -> None:
    assert sentence("no winner by fold") == "No winner by fold."
    assert sentence("svrg wins.") == "svrg wins."


def test_names_in_a_row() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_what_is_own_or_seldom_given_is_named_in_short() -> None:
    own = Task(
        dataset="/data/houses.csv", target="price", model="/my/net.py:Net", loss="huber",
        metric="/my/metrics.py:within",
    )  # fmt: skip
    assert task_words(own) == (
        "net.py:Net on houses.csv (price), 4 folds, 20 epochs, batches of 32, seed 1, loss huber, "
        "judged by metrics.py:within"
    )
    said = task_words(Task(label_smoothing=0.1, class_weights=(1, 2.5)))
    assert said.endswith("seed 1, label smoothing 0.1, class weights 1 2.5")
    assert task_words(Task(class_weights="balanced")).endswith("balanced class weights")


def test_a_study_of_numbers_is_told_by_its_metric() -> None:
    storage = optuna.storages.InMemoryStorage()
    make(storage, "s", "sgd", measure=Measure("r2", "r2", "maximize"))
    tuned = read_tuned(load_study(storage, "s", ""))
    assert brief(tuned).endswith("validation r2 0.44; test r2 0.95")
    known = dict(chosen(tuned))
    assert (known["validation r2"], known["test r2"]) == ("0.44", "0.9500 ± 0.0100, 3 seeds")
    assert not any("accuracy" in label for label in known)
