"""The oracle: losses and gradients of all lanes, looped or fused."""
