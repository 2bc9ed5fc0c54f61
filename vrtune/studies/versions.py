"""What a search runs on."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version

from pydantic import Field

from vrtune.config import Settings
from vrtune.later import torch


class Versions(Settings):
    """What a search ran on."""

    vrtune: str
    torch: str
    optuna: str
    numpy: str
    python: str
    device: str = Field(description="a GPU's name, or cpu")


def versions(device: torch.device) -> Versions:
    """Those of now."""
    packages = {name: version(name) for name in ("vrtune", "optuna", "numpy")}
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    python = platform.python_version()
    return Versions(**packages, torch=str(torch.__version__), python=python, device=name)


def commit() -> str | None:
    """Git's, of the folder that the search runs in."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
