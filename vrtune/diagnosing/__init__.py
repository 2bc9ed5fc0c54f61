"""How much variance an estimate has left between snapshots."""
