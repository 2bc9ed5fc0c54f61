"""The search: prepare, plan, run, conclude; its loop, its processes, what it says at its end."""
