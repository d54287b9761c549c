"""Make the demo page's pictures in docs/images again: a desktop's and a phone's.

    python docs/demo_screenshots.py    # needs the demo extra, selenium, chromium and its driver

The page shows how long the answer took: make them on a machine with nothing else to do. Each picture holds, as text,
what the page said when it was made; tests/demo holds it against the page.
"""

import re
import shutil
import time
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from selenium import webdriver

from microbotnet.atomic import write_atomically
from microbotnet.demo.page import serve

IMAGES = Path(__file__).parent / "images"
# name: width of the window, height of the picture, pixels for each of the page's
SIZES = {"demo-desktop.png": (1280, 1300, 1.0), "demo-phone.png": (390, 1300, 1.5)}


def shown(browser: Any) -> str:
    """The words and numbers of the page with an answer, but for how long it took."""
    script = "return [...document.querySelectorAll('#summary, #drawing svg title')].map(e => e.textContent).join(' ')"
    return " ".join(re.sub(r"[\d.,]+\s*m?s(?=on )", "", browser.execute_script(script)).split())


def main() -> None:
    """Serve, look, write."""
    torch.set_num_threads(1)
    page, address = serve()
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(word)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    for name, (width, height, scale) in SIZES.items():
        metrics = {"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for _ in range(3):  # the first answers are slower
            browser.get(address)
            end = time.monotonic() + 60
            while not browser.find_elements("css selector", "#drawing svg") and time.monotonic() < end:
                time.sleep(0.1)
        time.sleep(2)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        content, words = BytesIO(), PngInfo()
        words.add_itxt("shows", shown(browser))
        Image.open(BytesIO(b64decode(shot["data"]))).save(content, "png", pnginfo=words, optimize=True)
        write_atomically(IMAGES / name, content.getvalue())
    browser.quit()
    page.close()


if __name__ == "__main__":
    main()
