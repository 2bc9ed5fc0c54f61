"""The learning-rate range test: the loss while the learning rate rises."""
