"""Dataset: the fingerprint, the shape, and the guard around the test part."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vrtune.data.base import Dataset, Outline, Part
from vrtune.errors import VrtuneError


def part(n: int = 6, shape: tuple[int, ...] = (1, 2, 3), classes: int = 3) -> Part:
    x = torch.arange(n * torch.Size(shape).numel(), dtype=torch.uint8).view(n, *shape)
    return Part(x, torch.arange(n) % classes)


def dataset(test: Part | None = None) -> Dataset:
    return Dataset("made", 3, part(), lambda: test or part(3))


def test_shape_is_that_of_one_image() -> None:
    assert dataset().shape == (1, 2, 3)


def test_fingerprint_is_16_hex_digits_and_the_same_for_the_same_data() -> None:
    fingerprint = dataset().fingerprint
    assert len(fingerprint) == 16
    assert set(fingerprint) <= set("0123456789abcdef")
    assert dataset(test=part(9)).fingerprint == fingerprint, "the test part has no say"
    strided = Part(part().x.repeat(2, 1, 1, 1)[::2].contiguous()[:0], part().y)
    assert replace(dataset(), train=strided).fingerprint != fingerprint


@pytest.mark.parametrize(
    "changed",
    [
        Part(part().x.float(), part().y),
        Part(part().x.view(6, 1, 3, 2), part().y),
        Part(part().x.flip(0), part().y),
        Part(part().x, part().y.flip(0)),
    ],
    ids=["dtype", "shape", "values", "labels"],
)
def test_fingerprint_sees_every_change(changed: Part) -> None:
    assert replace(dataset(), train=changed).fingerprint != dataset().fingerprint


def test_fingerprint_does_not_depend_on_memory_layout() -> None:
    x = part().x
    strided = x.permute(3, 0, 1, 2).contiguous().permute(1, 2, 3, 0)
    assert not strided.is_contiguous()
    assert replace(dataset(), train=Part(strided, part().y)).fingerprint == dataset().fingerprint


def test_test_part_is_read_only_when_asked_for() -> None:
    read = []

    def read_test() -> Part:
        read.append(1)
        return part(3)

    made = Dataset("made", 3, part(), read_test)
    assert made.shape
    assert made.fingerprint
    assert not read
    assert len(made.read_test().y) == 3
    assert len(read) == 1


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (part(3, (1, 3, 2)), r"images of shape \(1, 3, 2\), its training part \(1, 2, 3\)"),
        (part(3, (3, 2, 3)), r"images of shape \(3, 2, 3\)"),
        (Part(part(3).x.float(), part(3).y), "values of type torch.float32"),
        (part(4, classes=4), "labels 0 to 3, its training part 0 to 2"),
        (Part(part(3).x, part(3).y - 1), "labels -1 to 1"),
    ],
)
def test_test_part_that_does_not_fit_is_refused(test: Part, message: str) -> None:
    with pytest.raises(VrtuneError, match=message):
        dataset(test).read_test()


def test_test_part_may_lack_a_class() -> None:
    assert dataset(part(2, classes=2)).read_test().y.tolist() == [0, 1]


def test_one_class_is_refused() -> None:
    with pytest.raises(VrtuneError, match="made holds 1 class"):
        Dataset("made", 1, part(classes=1), part)


def test_an_outline_is_checked_as_the_test_part_is() -> None:
    """And the test part is not read for that."""

    def never() -> Part:
        raise AssertionError("not yet")

    sound = Outline.of(part(3))
    for outline, message in (
        (replace(sound, shape=(1, 3, 2)), r"images of shape \(1, 3, 2\)"),
        (replace(sound, dtype=torch.float32), "values of type torch.float32"),
        (replace(sound, labels=(0, 3)), "labels 0 to 3, its training part 0 to 2"),
        (replace(sound, samples=0), "the test part of made holds no samples"),
    ):
        made = Dataset("made", 3, part(), never, outline_test=lambda outline=outline: outline)
        with pytest.raises(VrtuneError, match=message):
            made.check_test()
    Dataset("made", 3, part(), never, outline_test=lambda: sound).check_test()
    Dataset("made", 3, part(), never).check_test()


def test_an_empty_test_part_is_refused() -> None:
    with pytest.raises(VrtuneError, match="holds no samples"):
        dataset(part(0)).read_test()


def predicting(numbers: list[float], test: Part | None = None) -> Dataset:
    train = Part(torch.zeros(len(numbers), 1, 2, 3), torch.tensor(numbers))
    return Dataset("made", 0, train, lambda: test or train)


def test_numbers_have_no_classes_and_one_output() -> None:
    made = predicting([0.5, 2.0])
    assert (made.classes, made.outputs, dataset().outputs) == (0, 1, 3)
    assert made.read_test().y.tolist() == [0.5, 2.0]
    assert Outline.of(made.train).labels is None
    assert made.fingerprint != predicting([0.5, 2.5]).fingerprint
    test = Part(torch.zeros(1, 1, 3, 2), torch.tensor([7.0]))
    with pytest.raises(VrtuneError, match="images of shape"):
        predicting([0.5, 2.0], test).read_test()


def test_one_number_alone_is_refused() -> None:
    with pytest.raises(VrtuneError, match=r"made holds one number alone to predict, 2.5"):
        predicting([2.5, 2.5])
