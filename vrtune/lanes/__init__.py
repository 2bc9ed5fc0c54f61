"""Lanes: training runs as the rows of one matrix, trained all at once."""

from vrtune.lanes.batches import Stream
from vrtune.lanes.rows import Lane
from vrtune.lanes.train import Lanes

__all__ = ["Lane", "Lanes", "Stream"]
