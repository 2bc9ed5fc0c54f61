"""A trial as a document: JSON, YAML, TOML, or a Python program."""
