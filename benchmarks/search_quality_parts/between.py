"""What lies between recorded points: straight lines, triangles, or a smooth function of many."""

from __future__ import annotations

import numpy as np
from scipy.spatial import Delaunay

TRIANGLES = 3  # dimensions at most: above, too many points would be needed
EDGE = 1e-9  # a point on the hull is found inside
SCALES = (1.0, 0.5, 0.25, 0.1, 0.05)  # of a dimension, in the smooth function


class Between:
    """Values at any point of a cube, exact where they were recorded.

    One dimension: linear. Two or three: linear in the triangles of Delaunay. More: a sum of cones,
    one at each recorded point (radial basis functions -|x - x_i|), whose dimensions are scaled so
    that a point that is left out is foretold best.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray, told: np.ndarray) -> None:
        """`points` [n, d], `values` [n, m]; `told` [n] is what the scales are to foretell."""
        self.d = points.shape[1]
        if self.d == 1:
            order = np.unique(points[:, 0], return_index=True)[1]
            self.points, self.values = points[order], values[order]
        elif self.d <= TRIANGLES:
            self.points, self.values = points, values
            self.triangles = Delaunay(points)
        else:
            self.scales = _scales(points, told)
            self.points = points * self.scales
            self.cones = _inverse(self.points)[:, : len(points)] @ values

    def __call__(self, point: np.ndarray) -> np.ndarray:
        """[m]."""
        if self.d > TRIANGLES:
            far = np.linalg.norm(self.points - point * self.scales, axis=1)
            return np.append(-far, 1.0) @ self.cones
        corners, weights = self._line(point[0]) if self.d == 1 else self._triangle(point)
        return weights @ self.values[corners]

    def _line(self, x: float) -> tuple[np.ndarray, np.ndarray]:
        known = self.points[:, 0]
        x = min(max(x, known[0]), known[-1])
        right = int(np.clip(np.searchsorted(known, x), 1, len(known) - 1))
        share = (x - known[right - 1]) / (known[right] - known[right - 1])
        return np.array([right - 1, right]), np.array([1 - share, share])

    def _triangle(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        point = np.clip(point, EDGE, 1 - EDGE)
        found = int(self.triangles.find_simplex(point))
        if found < 0:  # outside the hull: the nearest
            return np.array([((self.points - point) ** 2).sum(1).argmin()]), np.ones(1)
        turn = self.triangles.transform[found]
        weights = turn[: self.d] @ (point - turn[self.d])
        return self.triangles.simplices[found], np.append(weights, 1 - weights.sum())


def _inverse(points: np.ndarray) -> np.ndarray:
    """Of the system of the cones' heights and a constant."""
    n = len(points)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = -np.linalg.norm(points[:, None] - points[None], axis=2)
    system[n, :n] = system[:n, n] = 1.0
    return np.linalg.inv(system)


def _scales(points: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Of each dimension, by the errors at points that are left out (Rippa 1999)."""
    n, d = points.shape

    def error(scales: np.ndarray) -> float:
        inverse = _inverse(points * scales)
        left_out = (inverse[:, :n] @ told)[:n] / np.diag(inverse)[:n]
        return float(np.abs(left_out).mean())

    scales = np.ones(d)
    for _ in range(2):
        for k in range(d):
            tries = [np.where(np.arange(d) == k, scale, scales) for scale in SCALES]
            scales = min(tries, key=error)
    return scales
