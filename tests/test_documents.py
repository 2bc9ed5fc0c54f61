"""What README and CONTRIBUTING show can be done as it stands there, in a small setting.

Shell blocks run in bash, where `vrtune` gives a search fewer trials and epochs on fewer samples and
`pip` does nothing; Python blocks run, or are written to the file that their first line names.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
SMALL = {"epochs": 1, "trials": 2, "seeds": 1, "top": 1}

VRTUNE = f"""#!/bin/bash
words=("${{@//SPACE/sgd}}")
case "$1" in
  search) words+=(--limit 200 --epochs 1 --trials 2 --folds 2 --jobs 1 --lanes 2
                  --fuse off --retrain-seeds 1)
          case "$*" in *.py:*) ;; *) words+=(--dataset digits) ;; esac ;;
  diagnose) words+=(--epochs 1 --intervals 1) ;;
  range) words+=(--limit 200 --folds 2 --steps 40) ;;
  batch-size) words+=(--limit 300 --folds 2 --trials 1 --steps 12) ;;
  dashboard) timeout 5 {sys.executable} -m vrtune.cli.main dashboard --port 0; [ $? = 124 ]; exit ;;
esac
exec {sys.executable} -m vrtune.cli.main "${{words[@]}}"
"""
NOTHING = "#!/bin/bash\nexit 0\n"


def blocks(document: str) -> list[tuple[str, str]]:
    """(language, text) of every fenced block, in order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [(m[2], textwrap.dedent(m[3])) for m in BLOCK.finditer(text)]


def run(command: list[str], folder: Path) -> str:
    """What a command printed, which must end well."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, where `vrtune` is small."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("bin", "python"):  # whose studies would have the names of the shell's
        (folder / name).mkdir()
    for place in (folder, folder / "python"):  # the record that the repository holds
        (place / "benchmarks").mkdir()
        shutil.copy(ROOT / "benchmarks" / "studies.db", place / "benchmarks")
    for name, text in {"vrtune": VRTUNE, "pip": NOTHING, "pytest": NOTHING}.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder


def make_mnist(folder: Path) -> None:
    """Files of MNIST's layout that hold a few images of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        for kind, header, body in (
            ("images-idx3", struct.pack(">4i", 0x803, 200, 28, 28), os.urandom(200 * 784)),
            ("labels-idx1", struct.pack(">2i", 0x801, 200), bytes(i % 10 for i in range(200))),
        ):
            (folder / f"{part}-{kind}-ubyte").write_bytes(header + body)


def test_there_are_blocks_to_run() -> None:
    kinds = [kind for kind, _ in blocks("README.md")]
    assert kinds.count("") >= 5
    assert kinds.count("python") >= 4


def test_every_block_of_the_readme_runs(folder: Path) -> None:
    """In order, as a reader would go through them."""
    for kind, text in blocks("README.md"):
        named = re.match(r"# (\w+\.py)\n", text)
        if kind == "python" and named:
            (folder / named[1]).write_text(text)
        elif kind == "python":
            small = re.sub(r"\b(\w+)=\d+", lambda m: f"{m[1]}={SMALL.get(m[1], 1)}", text)
            run([sys.executable, "-c", small], folder / "python")
        elif kind != "text":  # what a command said
            assert kind == "", f"a block of {kind!r} is not run by this test"
            run(["bash", "-euc", text], folder)
    said = run([sys.executable, "-m", "pytest", "-q", "test_averaged.py"], folder)
    assert "passed" in said
    for program in (
        [str(folder / "train.py"), "--epochs", "1"],
        [str(folder / "svrg_mnist.py"), "."],
    ):
        make_mnist(folder / "MNIST" / "raw")
        run([sys.executable, *program], folder)


@pytest.mark.parametrize("text", [t for kind, t in blocks("CONTRIBUTING.md") if kind == "python"])
def test_python_of_contributing_runs(text: str, folder: Path) -> None:
    run([sys.executable, "-c", text], folder)


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md"])
def test_links_work_outside_the_repository(document: str) -> None:
    """A package index shows the README where no other file is; pictures are the repository's."""
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"(?<!!)\[[^]]*\]\(([^)]+)\)", text)
    assert all(link.startswith(("https://", "#")) for link in links), links


@pytest.mark.parametrize(
    "document", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_pictures_are_there_and_small(document: str) -> None:
    path = ROOT / document
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / picture).stat().st_size < 400_000, picture


def test_the_architecture_is_short() -> None:
    words = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split()
    assert len(words) <= 1000


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_what_the_documents_name_is_there(document: str) -> None:
    """Files and folders of the repository, in `code`."""
    said = (ROOT / document).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:vrtune|tests|benchmarks|docs|search_spaces)/[\w./-]*)`", said)
    missing = [p for p in paths if "yours" not in p and not (ROOT / p).exists()]
    assert not missing


@pytest.mark.parametrize("document", ["README.md", "docs/results.md"])
def test_a_storage_that_a_document_names_comes_with_the_repository(document: str) -> None:
    """Also where git was told to leave such files alone."""
    said = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"sqlite:///(benchmarks/[\w-]+\.db)", said))
    assert named
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for path in named:
        assert (ROOT / path).is_file()
        assert f"!/{path}" in ignored


def test_the_citation_is_of_this_version() -> None:
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (said["cff-version"], said["type"]) == ("1.2.0", "software")
    assert (said["version"], said["license"]) == (project["version"], project["license"])
    assert said["title"].startswith("vrtune")
    assert all(author.get("name") for author in said["authors"])
