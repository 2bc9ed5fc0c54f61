"""Parts of benchmarks/quoted.py: the numbers of the documents beside the records they come from."""
