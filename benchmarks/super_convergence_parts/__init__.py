"""The three spaces that are compared: SGD with momentum, whose learning rate is searched."""
