"""The dashboard in a real browser: its pages load, say what they should, and change nothing."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vrtune.dashboard.guard import guarded
from vrtune.dashboard.pages import application
from vrtune.dashboard.serving import server
from vrtune.storages.opening import open_to_read

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
TOKEN = "guess"
STUDY = "sgd-digits-softmax"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, as it is installed here."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def served(url: str, *, writable: bool = False) -> Iterator[str]:
    """The address of a dashboard."""
    app = guarded(application(url, writable=writable), TOKEN, writable=writable)
    with server(app, "127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


class Visit:
    """A tab whose complaints are kept, and the addresses it asked."""

    def __init__(self, browser: Any, top: str, **options: Any) -> None:
        self.top = top
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page = browser.new_page(viewport={"width": 1400, "height": 1000}, **options)
        self.page.on("console", lambda m: m.type == "error" and self.wrong.append(m.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{top}/?token={TOKEN}")
        self.page.wait_for_url("**/dashboard")

    def open(self, path: str) -> Any:
        self.page.goto(self.top + path)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def fetch(self, path: str, method: str) -> dict[str, Any]:
        """What the page's own programs get."""
        said: dict[str, Any] = self.page.evaluate(
            """async ([path, method]) => {
                const headers = {"Content-Type": "application/json"};
                const body = method === "GET" ? undefined : "{}";
                const answer = await fetch(path, {method, body, headers});
                return {status: answer.status, said: await answer.text()};
            }""",
            [path, method],
        )
        return said


def test_the_pages_load_and_change_nothing(browser: Any, searched: str) -> None:
    with served(searched) as top:
        visit = Visit(browser, top)
        page = visit.open("/dashboard")
        name = page.get_by_text(re.compile(rf"1\. {STUDY}: best [\d.]+, 2 trials"))
        name.wait_for()
        page = visit.open("/dashboard/studies/1")
        page.get_by_text("validation loss", exact=True).first.wait_for()
        assert "Objective 0" not in page.content()
        for title in ("CV curves", "loss over lr", "Train loss over gradient computations"):
            page.locator(".gtitle", has_text=title).wait_for()
        plots = page.locator("[id^='user-defined-plot:'] .main-svg .scatterlayer path")
        assert plots.count() >= 5
        page.get_by_text(re.compile(r"trial \d: lr=")).wait_for()
        page = visit.open("/dashboard/studies/1/note")
        page.get_by_text("vrtune export").wait_for()
        assert visit.wrong == []
        assert all(url.startswith(top) for url in visit.asked)

        for method, path in (("DELETE", "/api/studies/1"), ("POST", "/api/studies")):
            refused = visit.fetch(path, method)
            assert refused["status"] == 405
            assert "only shows studies" in json.loads(refused["said"])["reason"]
        page = visit.open("/dashboard")
        name.wait_for()
        for button in ("delete study", "rename study", "Create"):  # they are there, and not seen
            assert page.get_by_role("button", name=button, include_hidden=True).count() == 1
            assert page.get_by_role("button", name=button).count() == 0
    assert [study.study_name for study in open_to_read(searched).get_all_studies()] == [STUDY]
    assert len(open_to_read(searched).get_all_trials(1)) == 2


@pytest.mark.slow
def test_a_trials_files_are_downloaded(browser: Any, searched: str, tmp_path: Path) -> None:
    with served(searched) as top:
        visit = Visit(browser, top)
        page = visit.open("/dashboard/studies/1/trials?numbers=0")
        page.get_by_text("fold losses").wait_for()
        assert "namespace" not in page.content()
        card = page.get_by_text("config.json").locator("xpath=../..")
        with page.expect_download() as waiting:
            card.locator("a[download], a[href*='/artifacts/']").first.click()
        waiting.value.save_as(tmp_path / "config.json")
        assert visit.wrong == []
    assert "optimizer" in json.loads((tmp_path / "config.json").read_text())


@pytest.mark.slow
def test_a_page_among_the_files_runs_nothing(browser: Any, searched: str) -> None:
    """A study may come from anyone, with files made to be opened."""
    folder = Path(searched.removeprefix("sqlite:///")).parent / "studies" / "artifacts"
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_text("<h1>a page</h1><script>document.title = 'ran'</script>")
    with served(searched) as top:
        visit = Visit(browser, top)
        detail = json.loads(visit.fetch("/api/studies/1?after=0", "GET")["said"])
        trial = detail["trials"][0]
        path = f"/artifacts/1/{trial['trial_id']}/{trial['artifacts'][0]['artifact_id']}"
        visit.page.route("**/artifacts/**", as_a_page)
        page = visit.open(path)
        assert page.locator("h1").inner_text() == "a page"
        assert page.evaluate("document.title") == ""
        assert page.evaluate("self.origin") == "null"  # it may not ask the dashboard anything


def as_a_page(route: Any) -> None:
    """The same answer, but said to be a page."""
    answer = route.fetch()
    route.fulfill(response=answer, headers={**answer.headers, "content-type": "text/html"})


@pytest.mark.slow
def test_studies_are_changed_where_that_is_wished(browser: Any, searched: str) -> None:
    with served(searched, writable=True) as top:
        visit = Visit(browser, top)
        page = visit.open("/dashboard/studies/1/note")
        page.get_by_text("vrtune export").wait_for()
        page.locator("button:has(svg[data-testid=EditIcon])").click()
        page.locator("textarea").first.fill("# Mine\n\nread by **me**")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Success to save the note").wait_for()
        visit.open("/dashboard/studies/1/note").get_by_text("read by").wait_for()
        page = visit.open("/dashboard")
        page.get_by_role("button", name="delete study").click()
        page.get_by_role("button", name="Yes").click()
        page.get_by_text("Success to delete a study").wait_for()
        assert visit.wrong == []
    assert not open_to_read(searched).get_all_studies()


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_figures_are_seen_by_day_and_by_night(browser: Any, searched: str, dark: bool) -> None:
    with served(searched) as top:
        visit = Visit(browser, top, color_scheme="dark" if dark else "light")
        page = visit.open("/dashboard/studies/1")
        page.locator(".gtitle", has_text="CV curves").wait_for()
        assert page.locator(".gtitle").first.evaluate("e => getComputedStyle(e).fill") == (
            "rgb(118, 118, 118)"
        )
        assert visit.wrong == []
