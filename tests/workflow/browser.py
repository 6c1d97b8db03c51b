"""A real browser without a screen, and what a reader could trip over on a page."""

import json
import shutil
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from selenium import webdriver

PHONE, DESKTOP = 400, 1280  # widths in pixels


def start_browser() -> webdriver.Chrome:
    """Headless Chromium that logs its console and its network.

    Raises:
        RuntimeError: Chromium or its driver is missing.
    """
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        raise RuntimeError("the pages are tested in a real browser: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def open_page(browser: webdriver.Chrome, page: Path, width: int) -> None:
    """Load a page in a window, or on a phone, of this width."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())


class Anchors(HTMLParser):
    """Ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.ids += [value for name, value in attributes if name == "id"]


@cache
def anchors(page: Path) -> list[str]:
    return Anchors(page.read_text(encoding="utf-8")).ids


def broken_links(browser: webdriver.Chrome) -> list[str]:
    """Links of the open page that lead nowhere on this disk."""
    broken = []
    for link in browser.execute_script("return [...document.links].map(link => link.href)"):
        parts = urlsplit(link)
        target = Path(unquote(parts.path))
        missing = parts.scheme != "file" or not target.is_file()
        if missing or (parts.fragment and unquote(parts.fragment) not in anchors(target)):
            broken.append(f"link to {link}")
    return broken


LAYOUT = """
const found = [];
const width = document.documentElement.scrollWidth, window_width = arguments[0];
if (width > window_width) found.push(`${width} px wide in a window of ${window_width}`);
for (const formula of document.querySelectorAll('math')) {
  const box = formula.getBoundingClientRect();
  const folded = formula.closest('details:not([open])');
  if (!folded && !(box.width > 0 && box.height > 0)) found.push(`formula not rendered: ${formula.textContent}`);
}
for (const image of document.images)
  if (!(image.naturalWidth > 0 && image.alt)) found.push(`image without picture or text: ${image.alt}`);
let level = 0;
for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
  const next = Number(heading.tagName[1]);
  if (next > level + 1 || (next == 1 && level > 0)) found.push(`heading out of order: ${heading.textContent}`);
  level = next;
}
const text = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (text.nextNode()) {
  const { data, parentElement } = text.currentNode;
  const raw = /\\$|\\\\[a-z]{2,}/.test(data) && !parentElement.closest('code, pre, math, style');
  if (raw) found.push(`raw formula: ${data}`);
}
return found;
"""


def defects(browser: webdriver.Chrome, page: Path) -> list[str]:
    """Everything wrong with a page, on a desktop and on a phone."""
    found = []
    for width in (DESKTOP, PHONE):
        for log in ("browser", "performance"):
            browser.get_log(log)  # what earlier pages left behind
        open_page(browser, page, width)
        found += [f"{width} px: {defect}" for defect in browser.execute_script(LAYOUT, width)]
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        requests = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        found += [f"request of {url[:80]}" for url in requests if not url.startswith(("data:", page.as_uri()))]
        found += [f"console: {entry['message']}" for entry in browser.get_log("browser")]
    return found + broken_links(browser)
