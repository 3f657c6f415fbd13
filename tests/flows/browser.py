"""A reviewer's hands and eyes: MLflow's pages in Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 60_000
"""What a page may take on a busy machine."""


@contextmanager
def opened_page() -> Iterator[Page]:
    """Skips the test where there is no Chromium."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here: sudo infra/install-system-packages installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1180, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield page
        browser.close()


class VersionPage:
    """Of one version in MLflow's UI."""

    def __init__(self, page: Page, server: str, number: int) -> None:
        self._page, self._address = page, f"{server}/#/models/shoprec/versions/{number}"

    def open(self) -> None:
        self._page.goto("about:blank")  # the same address again would not load anything anew
        self._page.goto(self._address)
        self._page.get_by_test_id("add-tag-button").wait_for()
        assistant = self._page.get_by_label("Close")
        if assistant.count():
            assistant.first.click()

    def text(self) -> str:
        return self._page.inner_text("#root")

    def add_tag(self, name: str, value: str) -> None:
        self._page.get_by_test_id("tags-form-input-name").fill(name)
        self._page.get_by_test_id("tags-form-input-value").fill(value)
        self._page.get_by_test_id("add-tag-button").click()
        expect(self.row(name)).to_contain_text(value)

    def row(self, tag: str) -> Locator:
        cell = self._page.get_by_role("cell", name=tag, exact=True)
        return self._page.get_by_role("row").filter(has=cell)

    def follow(self, link: str) -> Page:
        """What the link opens, in a tab of its own."""
        with self._page.expect_popup() as opened:
            self._page.get_by_role("link", name=link, exact=True).click()
        return opened.value

    def picture(self, file: Path, of: Locator | None = None) -> None:
        """With `of` at the top, or else the page's beginning."""
        file.parent.mkdir(parents=True, exist_ok=True)
        if of is not None:
            of.evaluate("element => element.scrollIntoView({block: 'start'})")
        self._page.screenshot(path=file)
