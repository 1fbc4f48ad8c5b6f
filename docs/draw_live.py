"""Draw the animation and the picture of the live page: docs/pictures/live.gif and live.png.

    python docs/draw_live.py

A simulated person walks, stands and jogs, with a phone in a trouser pocket; the released model names it, first
without a word for jogging, then with one that is typed. Takes a minute. Needs pip install 'har-language[live]'
playwright, and a Chromium; a busy machine drops frames.
"""

import asyncio
import io
import os
import shutil
import sys
import threading
import time
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from har.live.access import address, new_token
from har.live.replay import Replay
from har.live.server import live_app
from har.live.serving import bind, server_of
from har.live.sessions import Settings
from har.readers.recording import Device, Piece, Recording
from har.recognition.live import LiveRecogniser
from har.recognition.recognise import RELEASED, loaded
from har.recordings.simulate import simulate_bouts
from har.run.folder import atomic_writer

PICTURES = Path(__file__).resolve().parent / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HOST = "127.0.0.1"
BOUTS = [("walking", 42), ("standing", 10), ("running", 60)]
LABELS = ("walking", "standing", "sitting", "cycling")
TYPED = "jogging"
SPEED = 2.5  # of the recording
SKIPPED_S, SHOWN_S, TYPED_AT_S = 9.0, 20.0, 15.0  # of real time
FRAMES_A_SECOND = 5
GIF_WIDTH, COLORS = 360, 192
MOST_BYTES = 1_500_000


def main() -> int:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        print("error: no Chromium on this machine (Debian: apt-get install chromium)", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    model, bank = loaded(RELEASED)
    bank.encode([TYPED])
    make = partial(LiveRecogniser, model=model, bank=bank)
    token, bound = new_token(), bind(HOST, 0)
    settings = Settings(LABELS, replay=Replay(simulated(), SPEED))
    app = live_app(make, token, [HOST], settings, threads=os.cpu_count() or 1)
    server = server_of(app, None)
    serving = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[bound])))
    serving.start()
    try:
        frames, picture = film(browser, address(HOST, bound.getsockname()[1], token, https=False))
    finally:
        server.should_exit = True
        serving.join()
    with atomic_writer(PICTURES / "live.png") as path:
        reduced = Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE)
        reduced.save(path, optimize=True)
    with atomic_writer(PICTURES / "live.gif") as path:
        save_animation(frames, path)
    print(*(f"{path} ({path.stat().st_size / 1000:.0f} kB)" for path in sorted(PICTURES.glob("live.*"))), sep="\n")
    return 0


def simulated() -> Recording:
    """The person's recording."""
    found = simulate_bouts(BOUTS, seed=3)
    device = Device("trouser pocket", found.channels, found.sampling_rate_hz, (Piece(0.0, found.samples),))
    return Recording("a simulated person", (device,))


def film(browser: str, url: str) -> tuple[list[tuple[float, Image.Image]], bytes]:
    """Frames of a phone with their times in seconds, and a picture of a wide screen at the end."""
    from playwright.sync_api import sync_playwright

    frames, typed = [], 0
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        phone = opened.new_page(viewport={"width": 390, "height": 780})
        wide = opened.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark").new_page()
        wide.goto(url)
        phone.goto(url)
        phone.wait_for_timeout(1000 * SKIPPED_S)
        begun = time.monotonic()
        while (now := time.monotonic() - begun) < SHOWN_S:
            if now > TYPED_AT_S and typed <= len(TYPED):
                for page in (phone, wide):
                    if typed < len(TYPED):
                        page.type("#add-text", TYPED[typed])
                    else:
                        page.press("#add-text", "Enter")
                typed += 1
            frames.append((now, Image.open(io.BytesIO(phone.screenshot()))))
            phone.wait_for_timeout(max(0.0, 1000 * (len(frames) / FRAMES_A_SECOND - time.monotonic() + begun)))
        picture = wide.screenshot()
        opened.close()
    return frames, picture


def save_animation(frames: list[tuple[float, Image.Image]], path: Path) -> None:
    """Write a GIF that plays as fast as it was filmed. Raises ``ValueError`` where it is too large for a page."""
    times, images = zip(*frames, strict=True)
    size = GIF_WIDTH, round(images[0].height * GIF_WIDTH / images[0].width)
    small = [image.convert("RGB").resize(size, Image.Resampling.LANCZOS) for image in images]
    # One palette for all, or what stands still would flicker: of a frame with most of the colours, small spots too.
    palette = small[-1].quantize(COLORS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    drawn = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in small]
    lasting = [round(1000 * (after - at)) for at, after in zip(times, [*times[1:], SHOWN_S], strict=True)]
    drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=lasting, loop=0, optimize=True)
    if (found := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"the animation takes {found} bytes; expected at most {MOST_BYTES}. Show less of it")


if __name__ == "__main__":
    sys.exit(main())
