"""The report in a real browser: drawn, readable on a phone, dark, printed, and with no network."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from reference.made_studies import EVIL, NAMES, make

from vrtune.reporting.report import Report, report
from vrtune.storages.opening import open_storage

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
BROWSERS = ("chromium", "google-chrome", "chrome", "chromium-browser")
PROGRAM = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason=f"none of {', '.join(BROWSERS)} is installed"
)

PHONE, SCREEN = 400, 1400
COLOURS = "e => [getComputedStyle(document.body).color, getComputedStyle(e).fill]"
SIZES = """() => [...document.querySelectorAll('.plot')].map(plot => {
  const box = plot.querySelector('svg.main-svg').getBoundingClientRect();
  return [box.width, box.height, plot.getBoundingClientRect().width];
})"""


class Visit:
    """A page that was opened, and what the browser said and asked for."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(path.as_uri())

    def see_all(self) -> None:
        """Opens what is folded, and scrolls to each figure until it is drawn."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => (d.open = true))")
        for plot in self.page.query_selector_all(".plot"):
            plot.scroll_into_view_if_needed()
            self.page.wait_for_function("e => e.dataset.state === 'drawn'", arg=plot, timeout=9000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    contexts: list[Any] = []

    def open_page(path: Path, width: int = SCREEN, scheme: str = "light") -> Visit:
        phone = width == PHONE
        view = {"width": width, "height": 800}
        context = browser.new_context(
            viewport=view, color_scheme=scheme, is_mobile=phone, has_touch=phone
        )
        contexts.append(context)
        return Visit(context.new_page(), path)

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def small(made: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A report on the studies with the worst names, and its page."""
    found = report(*NAMES[1:], storage=made)
    return found, found.save(tmp_path_factory.mktemp("small") / "report.html")


@pytest.fixture(scope="module")
def on_phone(small: tuple[Report, Path], visit: Callable[..., Visit]) -> Visit:
    return visit(small[1], PHONE, "dark")


@pytest.fixture(scope="module")
def on_screen(small: tuple[Report, Path], visit: Callable[..., Visit]) -> Visit:
    return visit(small[1])


def test_figures_wait_until_they_are_seen(small: tuple[Report, Path], on_screen: Visit) -> None:
    on_screen.page.wait_for_timeout(200)
    drawn = on_screen.page.locator(".plot[data-state]").count()
    assert drawn < len(small[0]) // 2


def test_figures_follow_a_switch_to_dark(on_screen: Visit) -> None:
    page = on_screen.page
    plot = page.locator(".plot").first
    plot.scroll_into_view_if_needed()
    page.wait_for_selector(".plot[data-state=drawn]")
    letters = plot.locator(".xtick text").first
    light = letters.evaluate(COLOURS)
    assert light[0] == light[1]
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('.xtick text')).fill !== before",
        arg=light[1],
    )
    dark = letters.evaluate(COLOURS)
    assert dark[0] == dark[1] != light[0]


@pytest.mark.parametrize("number", [0, -1])
def test_data_are_downloaded_without_a_network(
    number: int, small: tuple[Report, Path], on_phone: Visit, tmp_path: Path
) -> None:
    found = small[0]
    name = [*found][number]
    buttons = on_phone.page.locator("button[data-csv]")
    with on_phone.page.expect_download(timeout=9000) as waiting:
        buttons.nth(number).click()
    file = tmp_path / "data.csv"
    waiting.value.save_as(file)
    assert waiting.value.suggested_filename == f"{name}.csv"
    with file.open(newline="", encoding="utf-8") as data:
        rows = list(csv.reader(data))
    assert tuple(rows[0]) == found[name].columns
    assert len(rows) == 1 + len(found[name].rows)


def test_a_link_opens_what_is_folded(on_screen: Visit) -> None:
    on_screen.page.evaluate("document.getElementById('study-1').open = false")
    on_screen.page.evaluate("location.hash = '#study-1'")
    on_screen.page.wait_for_function("document.getElementById('study-1').open", timeout=9000)


@pytest.mark.parametrize("where", ["on_phone", "on_screen"])
def test_every_figure_is_drawn_and_nothing_is_asked_for(
    where: str, small: tuple[Report, Path], request: pytest.FixtureRequest
) -> None:
    """By all that was done before on this page, too."""
    found, path = small
    seen: Visit = request.getfixturevalue(where)
    seen.see_all()
    assert seen.said == []
    assert {url.partition("#")[0] for url in seen.asked if url[:5] != "blob:"} == {path.as_uri()}
    sizes = seen.page.evaluate(SIZES)
    assert len(sizes) == len(found)
    for wide, tall, room in sizes:
        assert 250 < wide <= room + 1
        assert tall > 60
    page, window = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert page <= window == {"on_phone": PHONE, "on_screen": SCREEN}[where]
    assert seen.page.locator("img").count() == 0
    assert EVIL in seen.page.locator(".conclusion").inner_text()


@pytest.mark.slow
def test_in_print_all_is_open_light_and_drawn_and_then_as_before(
    found: Report, page: Path, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    seen = visit(page, SCREEN, "dark")
    seen.page.evaluate("document.getElementById('study-1').open = false")
    seen.page.emulate_media(media="print")
    seen.page.wait_for_function(
        "n => document.querySelectorAll('.plot[data-state=drawn]').length === n", arg=len(found)
    )
    assert seen.page.locator("details:not([open])").count() == 0
    letters = seen.page.locator(".xtick text").first
    body, fill = letters.evaluate(COLOURS)
    assert body == fill == "rgb(27, 31, 36)"
    assert seen.page.evaluate("document.querySelector('.panels').scrollWidth") <= SCREEN
    seen.page.emulate_media(media="screen")
    seen.page.wait_for_timeout(500)
    assert seen.page.locator("details:not([open])").count() == 2  # that, and the pairs
    body, fill = letters.evaluate(COLOURS)
    assert body == fill != "rgb(27, 31, 36)"
    seen.page.pdf(path=tmp_path / "r.pdf", format="A4")
    assert seen.page.locator(".plot[data-state=failed]").count() == 0
    assert seen.said == []


@pytest.mark.slow
def test_eleven_studies_are_written_and_open_fast(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/many.db"
    storage = open_storage(url)
    for number in range(11):
        make(storage, f"a study with a long name {number}", f"method{number}", trials=30)
    began = time.monotonic()
    path = report(storage=url).save(tmp_path / "many.html")
    assert time.monotonic() - began < 20  # 10 on a machine with nothing else to do
    for width, scheme in ((PHONE, "light"), (SCREEN, "dark")):
        began = time.monotonic()
        seen = visit(path, width, scheme)
        seen.page.locator(".plot").first.scroll_into_view_if_needed()
        seen.page.wait_for_selector(".plot[data-state=drawn]")
        assert time.monotonic() - began < 10
        seen.see_all()
        page, window = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert page <= window
        assert seen.said == []
