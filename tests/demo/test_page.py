"""`microbotnet demo` in a real headless Chromium, as a user meets it."""

import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import microbotnet
from microbotnet.demo.networks import open_network
from microbotnet.inference import predict
from microbotnet.preprocessing import read_picture
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.weights import DEFAULT

DEMO = Path(microbotnet.__file__).parent / "demo" / "pictures"
DOCS = Path(__file__).resolve().parents[2] / "docs"
PATIENCE = 60  # seconds, on a machine that is busy with other tests


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A running `microbotnet demo`."""
    pytest.importorskip("gradio", reason="the demo extra (gradio) is not installed")
    port = free_port()
    command = [sys.executable, "-m", "microbotnet", "demo", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        assert f"http://127.0.0.1:{port}/" in said, said + server.stdout.read()
        yield port
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def browser(port: int) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and its driver (Debian's chromium and chromium-driver) are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def page(browser: Any, port: int) -> Any:
    resize(browser, 1280, 900)
    browser.get(f"http://127.0.0.1:{port}/")
    wait(lambda: first_class(browser) == "frog")
    return browser


def resize(browser: Any, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def wait(met: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, "the page did not come so far"
        time.sleep(0.1)


def texts(browser: Any, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
    return list(browser.execute_script(script, selector))


def first_class(browser: Any) -> str:
    return next(iter(texts(browser, "#summary .first span")), "")


def drop(browser: Any, file: Path) -> None:
    """Take away the picture that is there and give `file` in its place."""
    for button in browser.find_elements("css selector", '#picture button[aria-label="Remove Image"]'):
        button.click()
    wait(lambda: bool(browser.find_elements("css selector", "#picture input[type=file]")))
    browser.find_element("css selector", "#picture input[type=file]").send_keys(str(file))


def test_it_opens_with_an_answer_and_fetches_nothing_from_elsewhere(page: Any, port: int) -> None:
    wait(lambda: bool(texts(page, "#drawing svg title")))
    assert f"{open_network(DEFAULT).costs.macs['conv_linear']:,}" in texts(page, "#summary .tile b")
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith((f"http://127.0.0.1:{port}/", "data:", "blob:"))] == []
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("name", ["demo-desktop.png", "demo-phone.png"])
def test_the_docs_show_the_page_as_it_is(page: Any, name: str) -> None:
    spec = importlib.util.spec_from_file_location("demo_screenshots", DOCS / "demo_screenshots.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    wait(lambda: bool(texts(page, "#drawing svg title")))
    with Image.open(DOCS / "images" / name) as picture:
        assert picture.text["shows"] == script.shown(page), "run python docs/demo_screenshots.py"


def test_a_picture_is_answered_as_on_the_command_line(page: Any) -> None:
    command = [sys.executable, "-m", "microbotnet", "classify", str(DEMO / "ship.png"), "--json"]
    (file,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["files"]
    drop(page, DEMO / "ship.png")
    wait(lambda: first_class(page) == "ship")
    percent = float(re.findall(r"[\d.]+", texts(page, "#summary .first span:last-child")[-1])[0])
    assert file["predictions"][0]["label"] == "ship"
    # The page runs the network in PyTorch, rounded as it was trained, the command in integers.
    loaded = load_checkpoint()
    data = loaded.card["data"]
    expected = predict(loaded.model, read_picture(DEMO / "ship.png")[None], data["mean"], data["std"])[0]
    assert percent == pytest.approx(100 * expected.max(), abs=0.06)


def test_without_a_picture_it_says_what_to_do_and_without_alarm(page: Any) -> None:
    width = page.execute_script("return document.querySelector('#picture').clientWidth")
    page.find_element("css selector", '#picture button[aria-label="Remove Image"]').click()
    wait(lambda: texts(page, "#summary .note") != [])
    assert texts(page, "#summary .complaint") == []
    assert page.execute_script("return document.querySelector('#picture').clientWidth") == width


def test_a_file_that_is_no_picture_is_named_and_the_next_one_answered(page: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("This is no picture.")
    drop(page, tmp_path / "notes.png")
    wait(lambda: bool(texts(page, "#summary .complaint")) and "notes.png" in texts(page, "#summary .complaint")[0])
    assert texts(page, "#summary .complaint") == [
        "notes.png: not a picture in a known format; convert it to PNG or JPEG"
    ]
    drop(page, DEMO / "cat.png")
    wait(lambda: first_class(page) == "cat")


def test_another_network_answers(page: Any) -> None:
    box = page.find_element("css selector", "#network input")
    box.click()
    wait(lambda: bool(page.find_elements("css selector", "[role=option]")))
    options = page.find_elements("css selector", "[role=option]")
    next(option for option in options if option.text.lstrip("✓ ").startswith("microbotnet-0.25")).click()
    macs = f"{open_network('microbotnet-0.25').costs.macs['conv_linear']:,}"
    wait(lambda: macs in texts(page, "#summary .tile b"))
    assert any("microbotnet-0.25" in text for text in texts(page, "#drawing svg title"))


def test_an_example_is_one_click(page: Any) -> None:
    page.find_elements("css selector", "#examples button")[-1].click()
    wait(lambda: first_class(page) == "ship")


def test_on_a_phone_nothing_reaches_over_the_side(page: Any) -> None:
    resize(page, 390, 844)
    wait(lambda: page.execute_script("return document.documentElement.clientWidth") == 390)
    time.sleep(0.5)
    assert page.execute_script("return document.documentElement.scrollWidth") == 390
    script = "return [...document.querySelectorAll(arguments[0])].every(e => e.getBoundingClientRect().right <= 390)"
    assert page.execute_script(script, "#summary, #summary .tile, #summary img, #picture, #network, #drawing .drawing")


def test_it_listens_on_the_loopback_alone(port: int) -> None:
    for listening in Path("/proc/net").glob("tcp*"):
        for line in listening.read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A" and local.endswith(f":{port:04X}"):
                assert local == f"0100007F:{port:04X}"


def test_a_port_that_is_taken_is_one_line(port: int) -> None:
    command = [sys.executable, "-m", "microbotnet", "demo", "--port", str(port)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"microbotnet: cannot listen on 127.0.0.1 port {port}")
    assert "Traceback" not in done.stderr
