"""Images of figures, and what is said where none can be drawn."""

from __future__ import annotations

import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from vrtune.errors import UsageError, VrtuneError
from vrtune.figures.panel import Panel
from vrtune.figures.style import axes
from vrtune.reporting.images import save_images
from vrtune.reporting.paper import Paper

BROWSERS = ("chromium", "google-chrome", "chrome", "chromium-browser")
needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, BROWSERS)), reason=f"none of {', '.join(BROWSERS)} is installed"
)


@pytest.fixture
def panels() -> dict[str, Panel]:
    figure = axes("epoch", "loss")
    figure.add_scatter(x=[1, 2], y=[2, 1], name="a &lt; b", showlegend=True)
    panel = Panel("p", "P", "", figure, ("x",), [[1]])
    return {"one": panel, "two": panel}


def test_no_kaleido(
    panels: dict[str, Panel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(VrtuneError, match=r"pip install 'vrtune\[images\]'"):
        save_images(panels, tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_no_browser(
    panels: dict[str, Panel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kaleido")
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    with pytest.raises(VrtuneError, match="install Chromium or Chrome"):
        save_images(panels, tmp_path)


def test_no_such_format(panels: dict[str, Panel], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose one of png, svg, pdf"):
        save_images(panels, tmp_path, "jpg")


@needs_browser
def test_a_file_a_figure_as_wide_as_a_column(panels: dict[str, Panel], tmp_path: Path) -> None:
    pytest.importorskip("kaleido")
    said: list[str] = []
    paths = save_images(panels, tmp_path / "new" / "folder", paper=Paper(5.08), doing=said.append)
    assert [path.name for path in paths] == ["one.png", "two.png"]
    assert said == ["drawing 1 of 2: one", "drawing 2 of 2: two"]
    with Image.open(paths[0]) as image:
        assert image.width == 600  # 2 inches
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert image.mode == "RGB"
        assert image.getpixel((0, 0)) == (255, 255, 255)
        assert len(image.getcolors(1_000_000) or ()) > 10


@needs_browser
@pytest.mark.slow
def test_vectors(panels: dict[str, Panel], tmp_path: Path) -> None:
    pytest.importorskip("kaleido")
    (path, _) = save_images(panels, tmp_path, "svg", Paper(2.54))
    root = ET.parse(path).getroot()
    assert root.attrib["width"] == "96"
    texts = "".join(root.itertext())
    assert "epoch" in texts
    assert "a < b" in texts
    (path, _) = save_images(panels, tmp_path, "pdf", Paper(2.54))
    assert path.read_bytes().startswith(b"%PDF-")
