"""Figures, one file each: `compute` makes the data of them, `draw` the pictures."""
