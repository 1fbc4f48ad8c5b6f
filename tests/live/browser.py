"""A real browser for tests of the page: the system's own Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.live.conftest import INSECURE

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# move(rows, hz): dispatches events of m/s^2 and deg/s, over and over, until stopMoving().
MOVE = """
window.move = (rows, hz, more = {}) => {
  let at = 0;
  const begun = performance.now();
  const xyz = (v, names) => v && Object.fromEntries(names.map((name, i) => [name, v[i]]));
  const tick = () => {
    while (at < (performance.now() - begun) * hz / 1000) {
      const row = rows[at++ % rows.length];
      const given = { accelerationIncludingGravity: xyz(row.slice(0, 3), ['x', 'y', 'z']), interval: 1000 / hz };
      if (row.length > 3) given.rotationRate = xyz(row.slice(3, 6), ['alpha', 'beta', 'gamma']);
      if (more.removed) {
        given.acceleration = given.accelerationIncludingGravity;
        delete given.accelerationIncludingGravity;
      }
      dispatchEvent(new DeviceMotionEvent('devicemotion', given));
      if (more.uneven) break;
    }
  };
  clearInterval(window.moving);
  window.moving = setInterval(tick, 1000 / hz);
};
window.stopMoving = () => clearInterval(window.moving);
"""
# As Safari asks: on a tap, and the answer is a promise.
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)


@contextmanager
def launched() -> Iterator:
    """The browser; the test is skipped, with the reason, where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


# Of each text that is seen: its contrast with what lies behind it (WCAG 2.2, 1.4.3).
CONTRASTS = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own && !element.placeholder || !element.checkVisibility()) continue;
    const style = getComputedStyle(element, own ? null : '::placeholder');
    const [a, b] = [luminance(parse(style.color)), luminance(behind(element))].sort((x, y) => y - x);
    found.push([element.outerHTML.slice(0, 80), (a + 0.05) / (b + 0.05)]);
  }
  return found;
}"""
