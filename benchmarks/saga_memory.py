"""What SAGA's table of all samples' gradients takes: Table 1 of El Hanchi's paper, from shapes.

    python benchmarks/saga_memory.py [--samples 1000000] [--subset 128]

Gigabytes (10^9 bytes) in single precision. naive: N P numbers. factored: of a linear layer what
goes in and the gradient of what comes out, N (d_in + d_out), which hold its bias's gradient too;
convolutions whole. rank 1: of a convolution's weight the same, by SVD, N (c_out + c_in k_h k_w);
its bias whole. partition: one gradient a subset, so 1 / 128 of it; a linear layer keeps every
sample's factors where they take less than that. both: rank 1 of a subset's gradient.

The paper names no sizes. Those that give its figures: N = 10^6 for all three nets; VGG16 of 1000
classes at 224 x 224; and a ResNet-34 without norm layers and projections, whose convolutions have
biases and whose classifier sees all 7 x 7 pixels of 512 planes. Below them stand the nets as their
authors have them, on the data they were made for. Writes docs/benchmarks/saga-memory.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from record import asking, write

BYTES, GB = 4, 1e9
MNIST, IMAGENET = 60_000, 1_281_167
COLUMNS = ("naive", "factored", "rank_1", "partition", "both")
PAPER = {  # Table 1, as it is printed
    "LeNet-5": (246, 13.5, 4.15, 1.92, 0.03),
    "VGG16": (5.53e5, 5.90e4, 337, 630, 2.63),
    "ResNet-34": (18.7e5, 8.45e4, 421, 764, 3.29),
}
NOTES = {
    "ResNet-34": "naive: ten times ours, and 21.8 M parameters can't take more than VGG16's 138 M: "
    "18.7e5 looks like 18.47e4 with a digit and a power of ten misprinted",
}


@dataclass(frozen=True)
class Net:
    """Weights of convolutions (c_out, c_in, k, k) and of linear layers (d_out, d_in), all of these
    with biases, and what else convolutions and norm layers have."""

    convolutions: list[tuple[int, int, int, int]]
    linear: list[tuple[int, int]]
    vectors: int

    def numbers(self, subset: int) -> dict[str, float]:
        """Kept for each sample, by column."""
        whole = sum(map(prod, self.convolutions)) + self.vectors
        factors = [out + into for out, into in self.linear]
        flat = [out * into + out for out, into in self.linear]
        ranked = sum(out + prod(rest) for out, *rest in self.convolutions) + self.vectors
        rank_1 = ranked + sum(factors)
        less = sum(min(f / subset, both) for f, both in zip(flat, factors, strict=True))
        figures = (
            whole + sum(flat),
            whole + sum(factors),
            rank_1,
            whole / subset + less,
            rank_1 / subset,
        )
        return dict(zip(COLUMNS, figures, strict=True))


def lenet() -> Net:
    """LeNet-5 on 1 x 28 x 28: 61,706 parameters."""
    return Net([(6, 1, 5, 5), (16, 6, 5, 5)], [(120, 400), (84, 120), (10, 84)], 6 + 16)


def vgg16() -> Net:
    """On 3 x 224 x 224, 1000 classes: 138,357,544 parameters."""
    widths = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    convolutions = [(o, i, 3, 3) for o, i in zip(widths, [3, *widths], strict=False)]
    return Net(convolutions, [(4096, 25088), (4096, 4096), (1000, 4096)], sum(widths))


def resnet34(*, plain: bool) -> Net:
    """On 3 x 224 x 224, 1000 classes: 21,797,672 parameters; `plain`, as in the docstring above,
    46,192,232."""
    convolutions, planes = [(64, 3, 7, 7)], 64
    for width, blocks in zip((64, 128, 256, 512), (3, 4, 6, 3), strict=True):
        for _ in range(blocks):
            convolutions += [(width, planes, 3, 3), (width, width, 3, 3)]
            if planes != width and not plain:
                convolutions.append((width, planes, 1, 1))
            planes = width
    outputs = sum(out for out, *_ in convolutions)
    if plain:
        return Net(convolutions, [(1000, 25088)], outputs)
    return Net(convolutions, [(1000, 512)], 2 * outputs)  # weight and bias of batch norm


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--subset", type=int, default=128)
    arguments = parser.parse_args()
    subset = arguments.subset

    def table(net: Net, samples: int) -> dict[str, float]:
        return {k: n * samples * BYTES / GB for k, n in net.numbers(subset).items()}

    def line(name: str, figures: dict[str, float]) -> None:
        print(f"{name:34}" + "".join(f"{figures[column]:>13,.2f}" for column in COLUMNS))

    print(f"{'GB':34}" + "".join(f"{column:>13}" for column in COLUMNS))
    paper = []
    nets = {"LeNet-5": lenet(), "VGG16": vgg16(), "ResNet-34": resnet34(plain=True)}
    for name, net in nets.items():
        theirs, ours = dict(zip(COLUMNS, PAPER[name], strict=True)), table(net, arguments.samples)
        line(f"{name}, the paper", theirs)
        line(f"{name}, N = {arguments.samples:,}", ours)
        ratio = {column: ours[column] / theirs[column] for column in COLUMNS}
        note = NOTES.get(name, "")
        paper.append({"net": name, "paper": theirs, "ours": ours, "ratio": ratio, "note": note})
        if note:
            print(f"  {note}")
    data = []
    authors = [
        ("LeNet-5 on MNIST", lenet(), MNIST),
        ("VGG16 on ImageNet", vgg16(), IMAGENET),
        ("ResNet-34 on ImageNet", resnet34(plain=False), IMAGENET),
    ]
    for name, net, samples in authors:
        line(f"{name}, N = {samples:,}", table(net, samples))
        data.append({"net": name, "samples": samples, "ours": table(net, samples)})
    about = {"samples": arguments.samples, "subset": subset, "unit": "GB of 10^9 bytes"}
    stem = arguments.output_dir / "saga-memory"
    write(stem, torch.device("cpu"), 1, {**about, "table_1": paper, "as_made": data})


if __name__ == "__main__":
    main()
