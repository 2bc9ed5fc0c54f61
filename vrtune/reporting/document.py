"""A page of HTML that needs no other file and asks no network: its head, styles and programs."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files

from plotly.offline import get_plotlyjs

from vrtune.reporting import markup


def document(title: str, inside: str) -> str:
    """A whole page.

    Args:
        title: of the window, as plain text.
        inside: what the page shows, as HTML.
    """
    scripts = [_script(get_plotlyjs()), _script(_file("page.js"))]
    policy = _policy([script for script, _ in scripts])
    elements = "\n".join(element for _, element in scripts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="vrtune {markup.text(version("vrtune"))}">
<title>{markup.text(title)}</title>
<link rel="icon" href="data:,">
<style>
{_file("page.css")}</style>
</head>
<body>
{inside}
<noscript><p>The figures are drawn by JavaScript, which is switched off here.</p></noscript>
{elements}
</body>
</html>
"""


def _file(name: str) -> str:
    return files("vrtune.reporting").joinpath(name).read_text(encoding="utf-8")


def _script(program: str) -> tuple[str, str]:
    """What a script element holds, and the element."""
    inside = program.replace("</script", "<\\/script")
    return inside, f"<script>{inside}</script>"


def _policy(scripts: Sequence[str]) -> str:
    """A browser runs these scripts alone, and fetches nothing from anywhere; Plotly sets styles."""
    hashes = [b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
