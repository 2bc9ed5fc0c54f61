"""What reliability.py consists of."""
