"""Where studies are kept: opened, locked, and what goes wrong with them in one sentence."""
