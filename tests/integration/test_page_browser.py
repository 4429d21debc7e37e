"""The page in a real browser: it draws every plot, says nothing on the console and asks nothing of a network."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.reported_sweep import reported_sweep
from vae_sweep.report.report_folder import ReportFolder

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.in_order,
    pytest.mark.skipif(CHROMIUM is None, reason=f"no browser: none of {', '.join(BROWSERS)} is installed"),
]
DRAWN = "() => document.querySelectorAll('.canvas').length === document.querySelectorAll('.canvas.drawn').length"
EMPTY = "nodes => nodes.filter(node => !node.querySelector('.point, .heatmaplayer image')).map(node => node.id)"
OVER = "() => document.documentElement.scrollWidth - window.innerWidth"
TEXT_COLOUR = "node => getComputedStyle(node.querySelector('.xtick text')).fill"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    sweep = reported_sweep(tmp_path_factory.mktemp("sweeps")).sweep
    return ReportFolder(sweep.folder, sweep.spec).write_page("complete").as_uri()


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def page(browser: Browser, address: str, heard: list[str]) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="light") as context:
        opened = context.new_page()
        opened.on("console", lambda message: heard.append(message.text))
        opened.on("pageerror", lambda error: heard.append(str(error)))
        opened.on("request", lambda request: heard.append(request.url))
        opened.on("dialog", lambda dialog: heard.append(dialog.message))
        opened.goto(address)
        opened.wait_for_function(DRAWN)
        yield opened


def test_every_plot_is_drawn_and_nothing_is_asked_or_said(page: Page, address: str, heard: list[str]) -> None:
    plots = page.locator(".canvas")
    assert plots.count() > 15
    assert plots.evaluate_all(EMPTY) == []
    assert heard == [address]


def test_a_phone_need_not_scroll_sideways(page: Page) -> None:
    assert page.evaluate(OVER) <= 0
    page.set_viewport_size({"width": 1440, "height": 900})
    assert page.evaluate(OVER) <= 0


def test_plots_follow_the_dark(page: Page) -> None:
    plot = page.locator("#plot-front-validation")
    light = plot.evaluate(TEXT_COLOUR)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"([node, old]) => ({TEXT_COLOUR})(node) !== old", arg=[plot.element_handle(), light])


def test_a_method_is_hidden_and_shown(page: Page) -> None:
    button = page.locator("#front .legend button", has_text="ours")
    points = page.locator("#plot-front-validation .point")
    before = points.count()
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert points.count() == before - 2
    button.press("Enter")
    assert points.count() == before


def test_a_link_opens_its_trial(page: Page) -> None:
    page.locator("#cells a", has_text="s1").first.click()
    trial = page.locator("details.trial[open]")
    trial.wait_for()
    assert trial.get_attribute("id") == "trial-0000-vae-s1"
    assert "because of <script>" in trial.inner_text()
