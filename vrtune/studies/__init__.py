"""Studies: what each remembers, who holds its trials, and which of them is chosen."""
