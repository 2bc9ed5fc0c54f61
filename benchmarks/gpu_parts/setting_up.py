"""Makes vrtune run on a bare machine that has PyTorch: wheels from a folder, and a version."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).parents[2]


def set_up(wheels: Path | None) -> None:
    """Puts what lies in `wheels` and this checkout on the path, before anything is imported; gives
    vrtune a version where it is not installed."""
    site = Path(mkdtemp(prefix="vrtune-site-"))
    atexit.register(shutil.rmtree, site, ignore_errors=True)
    if wheels is not None:
        _install(wheels, site)
    _put_first(ROOT)
    _put_first(site)
    try:
        version("vrtune")
    except PackageNotFoundError:
        _name_version(site)


def _install(wheels: Path, site: Path) -> None:
    """Installs every wheel of a folder that is not `site`'s already, without the network."""
    found = sorted(str(wheel) for wheel in wheels.glob("*.whl"))
    if not found:
        raise SystemExit(f"there is no wheel in {wheels}: give --wheels a folder that holds some")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-compile", "--no-cache-dir", "--target", str(site), *found]
    subprocess.run(command, check=True)


def _put_first(folder: Path) -> None:
    """First on the path, here and in processes that are started."""
    sys.path.insert(0, str(folder))
    kept = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(part for part in (str(folder), kept) if part)


def _name_version(site: Path) -> None:
    """What importlib.metadata looks for: the version that pyproject.toml says."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    said = next(line for line in lines if line.startswith("version"))
    number = said.partition("=")[2].strip().strip('"')
    folder = site / f"vrtune-{number}.dist-info"
    folder.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: vrtune\nVersion: {number}\n"
    (folder / "METADATA").write_text(metadata)
