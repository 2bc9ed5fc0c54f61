"""Figures: each computes plain data first, then draws it."""
