"""The parts of search_quality.py: recording curves, and replaying strategies on them."""
