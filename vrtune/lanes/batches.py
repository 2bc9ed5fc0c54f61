"""Who sees what when: streams, their order in each epoch, and the batch of every lane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from vrtune.data.augment import VIEWS, cropped, draw_views, pad
from vrtune.lanes.keys import generator, key
from vrtune.lanes.masks import Masks


@dataclass(frozen=True, eq=False)
class Stream:
    """The samples of a lane, and the name that keys every random number drawn for it.

    x is fed to the model as (x * scale - shift), channel by channel; both come from `train` alone.
    """

    name: str  # "fold 0", or "seed 2" of a retraining
    seed: int  # the study's
    train: Tensor  # indices [n] into the training set
    validation: Tensor  # indices [m]
    scale: Tensor  # [C]
    shift: Tensor  # [C]
    y_scale: float = 1.0  # targets that are numbers are learned as y * y_scale - y_shift
    y_shift: float = 0.0

    def key(self, *parts: object) -> tuple[object, ...]:
        """The full name of a random number of this stream."""
        return (self.seed, self.name, *parts)


def bounds(n: int, batch_size: int) -> list[tuple[int, int]]:
    """Batches as (start, stop). The last may be short; a single left-over sample joins the one
    before, because batch norm cannot take the variance of one sample."""
    starts = list(range(0, n, batch_size))
    if batch_size > 1 and len(starts) > 1 and n - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], n], strict=True))


@lru_cache(maxsize=1024)
def epoch_order(
    key: tuple[object, ...], n: int, batch_size: int, partition: int, epoch: int
) -> Tensor:
    """The order [n] in which a stream's samples are seen in `epoch`.

    The partition into batches is drawn for epoch `partition` (the last snapshot's); a later epoch
    that shares it visits the same batches in an order of its own, a short last batch staying last.
    """
    order = torch.randperm(n, generator=generator(*key, partition, "partition"))
    if epoch == partition:
        return order
    full = sum(stop - start == batch_size for start, stop in bounds(n, batch_size))
    visit = torch.randperm(full, generator=generator(*key, epoch, "visit"))
    shuffled = order[: full * batch_size].view(full, batch_size)[visit].flatten()
    return torch.cat([shuffled, order[full * batch_size :]])


class Batches:
    """The training part of every lane on the device, cut into batches of equal shape."""

    def __init__(self, x: Tensor, y: Tensor, batch_size: int, *, augment: bool = False) -> None:
        """`x` [N, C, H, W], `y` [N]: the training set on the device."""
        self.x, self.y, self.batch_size = x, y, batch_size
        self.padded = pad(x) if augment else None
        # an entry names a sample; with augmentation, a sample and a view of it
        self.order = torch.empty(0, 0, dtype=torch.long, device=x.device)
        self.snapshot_order = self.order  # other views where transforms are not locked
        self.scale = self.shift = self.y_scale = self.y_shift = torch.empty(0)
        self.masks = Masks(x.device)
        self.numbers = torch.empty(0, 0, dtype=torch.long, device=x.device)
        self._numbered: list[Stream] = []

    def begin_epoch(
        self,
        streams: list[Stream],
        epochs: list[int],
        partitions: list[int],
        *,
        locked: bool = True,
        cuts: list[int] | None = None,
    ) -> None:
        """Draws the order of every lane for its own next epoch, its views of the samples, and the
        keys of its dropout masks.

        `locked`: a sample keeps its view, and a batch its masks, from a snapshot to the next. Else
        steps see fresh ones each epoch, and gradients at the snapshot those of the snapshot's pass,
        whose mean mu~ is. `cuts`, where samples are numbered for tables, are the epochs whose cut
        into batches is used, which may be held for longer than views.
        """
        if cuts is not None:
            self._number(streams)
        every = list(zip(streams, epochs, cuts or partitions, strict=True))
        of_steps = partitions if locked else epochs

        def drawn(views: str, since: list[int]) -> Tensor:
            rows = [self._order(*lane, (e, views)) for lane, e in zip(every, since, strict=True)]
            return torch.stack(rows).to(self.x.device)

        self.order = drawn("views", of_steps)
        self.snapshot_order = self.order
        if self.padded is not None and not locked:
            self.snapshot_order = drawn("snapshot views", partitions)
        keys = [
            [key(*stream.key(epoch, "masks")) for stream, epoch in zip(streams, since, strict=True)]
            for since in (of_steps, partitions)
        ]
        self.masks.begin_epoch(*keys)
        drawn_anew = *normalisation(streams, self.x), *standards(streams, self.y)
        held = self.scale, self.shift, self.y_scale, self.y_shift
        if drawn_anew[0].shape == held[0].shape:  # in place: a captured step reads them
            for old, new in zip(held, drawn_anew, strict=True):
                old.copy_(new)
        else:
            self.scale, self.shift, self.y_scale, self.y_shift = drawn_anew

    def _order(
        self, stream: Stream, epoch: int, partition: int, views: tuple[object, ...]
    ) -> Tensor:
        n = len(stream.train)
        order = epoch_order(stream.key(), n, self.batch_size, partition, epoch)
        if self.padded is None:
            return stream.train[order]
        view = draw_views(n, generator(*stream.key(*views)))
        return stream.train[order] * VIEWS + view[order]

    def fetch(self, index: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [r, B, C, H, W] as the models want it, and y [r, B], of entries [r, B]; of all lanes,
        or of some `rows` [r]."""
        some = slice(None) if rows is None else rows
        scale, shift = self.scale[some], self.shift[some]
        if self.padded is None:
            return normalised(self.x, index, scale, shift), self._targets(index, some)
        sample = index // VIEWS
        x = cropped(self.padded, sample, index % VIEWS)
        return x.to(scale.dtype).mul_(scale).sub_(shift), self._targets(sample, some)

    def _targets(self, sample: Tensor, some: slice | Tensor) -> Tensor:
        y = self.y[sample]
        return y * self.y_scale[some] - self.y_shift[some] if y.is_floating_point() else y

    def _number(self, streams: list[Stream]) -> None:
        """Numbers the samples of every lane, as the partition of its first epoch has them in turn:
        0 .. n - 1, the same in every epoch."""
        if streams == self._numbered:  # each is itself alone
            return
        self._numbered = list(streams)
        numbers = torch.zeros(len(streams), len(self.x), dtype=torch.long)
        for row, stream in zip(numbers, streams, strict=True):
            n = len(stream.train)
            row[stream.train[epoch_order(stream.key(), n, self.batch_size, 0, 0)]] = torch.arange(n)
        if numbers.shape == self.numbers.shape:  # in place: a captured step reads them
            self.numbers.copy_(numbers)
        else:
            self.numbers = numbers.to(self.x.device)

    def places(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Of entries [L, B]: the numbers of the samples, [L, B], and that of the batch among those
        of the first epoch, [L, 1]."""
        sample = index if self.padded is None else index // VIEWS
        numbers = self.numbers.gather(1, sample)
        return numbers, numbers[:, :1] // self.batch_size

    def bounds(self) -> list[tuple[int, int]]:
        """The batches of the epoch as (start, stop)."""
        return bounds(self.order.shape[1], self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        """The epoch's batches as entries [L, B]; [L, B, 2] where a snapshot sees other views."""
        order = self.order
        if self.snapshot_order is not order:
            order = torch.stack([order, self.snapshot_order], 2)
        for start, stop in self.bounds():
            yield order[:, start:stop]

    def of_snapshot(self, rows: Tensor, first: int, last: int) -> Iterator[Tensor]:
        """Entries [r, B] of the batches first .. last - 1, as a snapshot of some rows sees them."""
        order = self.snapshot_order[rows]
        for start, stop in self.bounds()[first:last]:
            yield order[:, start:stop]


def normalisation(streams: list[Stream], x: Tensor) -> tuple[Tensor, Tensor]:
    """scale and shift of each lane, [L, 1, C, 1, 1]."""
    scale = torch.stack([stream.scale for stream in streams])
    shift = torch.stack([stream.shift for stream in streams])
    shape = (len(streams), 1, -1, 1, 1)
    return scale.view(shape).to(x.device), shift.view(shape).to(x.device)


def standards(streams: list[Stream], y: Tensor) -> tuple[Tensor, Tensor]:
    """What targets y that are numbers are scaled and shifted by in each lane, [L, 1]."""
    both = torch.tensor([[stream.y_scale, stream.y_shift] for stream in streams]).to(y.device)
    return both[:, :1], both[:, 1:]


def normalised(x: Tensor, index: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """x[index] as the models want it, [L, B, C, H, W] in float."""
    chosen = x.index_select(0, index.flatten()).unflatten(0, index.shape)  # copies whole samples
    return chosen.to(scale.dtype).mul_(scale).sub_(shift)
