"""How far larger batches save steps: steps to a target over batch sizes, tuned at each."""
