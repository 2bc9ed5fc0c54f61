"""What a CPU needs for small nets: lanes side by side, compiled convolutions and tanh."""
