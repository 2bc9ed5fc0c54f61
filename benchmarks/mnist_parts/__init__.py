"""What the study of LeNet on MNIST consists of: its spaces, and what is kept of it."""
