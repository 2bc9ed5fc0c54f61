"""Views of images: the crop and the flip are those of torchvision, pixel for pixel."""

from __future__ import annotations

import pytest
import torch

from vrtune.data.augment import PAD, SHIFTS, VIEWS, cropped, draw_views, pad


def by_hand(image: torch.Tensor, down: int, right: int, flipped: int) -> torch.Tensor:
    """One image [C, H, W]: pad with black, crop, flip."""
    channels, height, width = image.shape
    big = torch.zeros(channels, height + 2 * PAD, width + 2 * PAD, dtype=image.dtype)
    big[:, PAD : PAD + height, PAD : PAD + width] = image
    part = big[:, down : down + height, right : right + width]
    return part.flip(2) if flipped else part


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 6, 9)])
def test_every_view_by_hand(shape: tuple[int, int, int]) -> None:
    x = torch.randint(256, (4, *shape), dtype=torch.uint8, generator=torch.manual_seed(0))
    view = torch.arange(VIEWS).repeat(2, 1)  # two lanes
    sample = torch.stack([torch.arange(VIEWS) % 4, torch.arange(VIEWS) % 3])
    found = cropped(pad(x), sample, view)
    assert found.shape == (2, VIEWS, *shape)
    assert found.dtype == torch.uint8
    for lane in range(2):
        for v in range(VIEWS):
            shift, flipped = divmod(v, 2)
            down, right = divmod(shift, SHIFTS)
            wanted = by_hand(x[sample[lane, v]], down, right, flipped)
            assert torch.equal(found[lane, v], wanted)


def test_the_middle_view_is_the_image() -> None:
    x = torch.rand(2, 3, 5, 5)
    middle = (PAD * SHIFTS + PAD) * 2
    assert torch.equal(cropped(pad(x), torch.arange(2), torch.full((2,), middle)), x)


def test_views_are_drawn_evenly() -> None:
    views = draw_views(200_000, torch.manual_seed(1))
    counts = torch.bincount(views, minlength=VIEWS)
    assert len(counts) == VIEWS
    # 1,235 a view expected, standard deviation 35: six of them
    assert int((counts - 200_000 / VIEWS).abs().max()) < 210
