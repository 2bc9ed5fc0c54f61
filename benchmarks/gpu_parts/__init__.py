"""The parts of gpu.py: what only a GPU can show, each in a file of its own."""
