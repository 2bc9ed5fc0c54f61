"""Orthogonal weights: linear layers that keep lengths, however many there are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.inits.redrawn import Redrawn
from vrtune.later import Tensor, torch
from vrtune.units import InitSettings


class Orthogonal(InitSettings):
    """Draws every weight matrix among those with orthonormal rows, or columns if it is tall.

    W W^T = gain^2 I  for d_out <= fan_in,  else  W^T W = gain^2 I;  W uniform among these

    A convolution is the matrix [d_out, fan_in]. Biases and norm layers stay as the architecture
    made them.

    Args:
        gain: length of the rows or columns, above 0.

    Example:
        >>> from vrtune import SGD, Orthogonal, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1), init=Orthogonal()).init
        Orthogonal(kind='orthogonal', gain=1.0)

    References: Saxe, McClelland & Ganguli, ICLR 2014.
    """

    kind: Literal["orthogonal"] = "orthogonal"
    gain: float = Field(default=1.0, gt=0, description="length of the rows or columns")


class OrthogonalInit(Redrawn):
    """Q R = A, A ~ N(0, 1);  W = gain Q sign(diag R): the signs make Q unique, and uniform."""

    settings = Orthogonal

    def drawn(self, p: Tensor, hp: dict[str, Tensor]) -> Tensor:
        A = self.normal(p).flatten(2)
        wide = A.shape[1] < A.shape[2]
        Q, R = torch.linalg.qr(A.mT if wide else A)
        Q = Q * R.diagonal(dim1=1, dim2=2).sgn().unsqueeze(1)
        return hp["gain"] * (Q.mT if wide else Q).reshape(p.shape)
