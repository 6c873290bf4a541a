"""Real pages in Debian's Chromium, driven by its own driver; nothing leaves this machine."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.migration.apply import migrate
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from PIL import Image, ImageDraw
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost",
)


class Browser:
    """One Chromium with a profile of its own."""

    def __init__(self, home: Path) -> None:
        self.downloads = home / "downloads"
        self.downloads.mkdir(exist_ok=True)
        options = webdriver.ChromeOptions()
        options.binary_location = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        for flag in (*FLAGS, f"--user-data-dir={home / 'profile'}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"download.default_directory": str(self.downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(os.environ.get("CHROMEDRIVER", "/usr/bin/chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.size(1280, 900)

    def size(self, width: int, height: int) -> None:
        # Also below the least width of a window.
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, value: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": value}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def script(self, *, enabled: bool) -> None:
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not enabled})

    def open(self, path: Path) -> None:
        self.driver.get(path.as_uri())

    def press(self, keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def escape(self) -> None:
        self.driver.switch_to.active_element.send_keys(Keys.ESCAPE)

    def all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def js(self, source: str, *arguments):
        return self.driver.execute_script(source, *arguments)

    def problems(self) -> list:
        """The messages of the console: an error of the script, or something that the policy refused."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def axe(self) -> list:
        """Violations of WCAG 2 A and AA and of best practice, by axe-core."""
        self.js(AXE.read_text(encoding="utf-8"))
        source = "const done = arguments[0]; axe.run(document).then((found) => done(found), (e) => done(String(e)));"
        found = self.driver.execute_async_script(source)
        assert isinstance(found, dict), found
        assert len(found["passes"]) > 10
        return [
            f"{each['id']} ({each['impact']}): {each['help']}; {each['nodes'][0]['html'][:200]}"
            for each in found["violations"]
        ]

    def shot(self, name: str) -> None:
        """A picture for people, where SCREENSHOTS names a folder."""
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(Path(folder) / f"{name}.png"))

    def downloaded(self) -> Path:
        for _unused in range(100):
            found = [path for path in self.downloads.iterdir() if path.suffix == ".json"]
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError("nothing was downloaded")


@pytest.fixture
def browser(tmp_path):
    opened = Browser(tmp_path)
    yield opened
    opened.driver.quit()


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")


class Site:
    """A migrated library: 14 flat pictures to review, 6 good ones, 2 that are missing."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.library = home / "library.json"
        (home / "images").mkdir(parents=True)
        items = [{"id": f"flat-{n}", "name": f"Flat token {n}", "image": f"images/flat-{n}.png"} for n in range(14)]
        items += [{"id": f"good-{n}", "name": f"Good token {n}", "image": f"images/good-{n}.png"} for n in range(6)]
        items += [{"id": f"gone-{n}", "name": f"Gone {n}", "image": f"images/gone-{n}.png"} for n in range(2)]
        for item in items[:20]:
            draw(home / item["image"], flat=item["id"].startswith("flat"))
        self.library.write_text(json.dumps({"components": items}, indent=2))
        time.sleep(0.05)
        migrate(Options(str(self.library), workers=1, max_failure_rate=100), deployment="D1")

    def play(self, name: str, **variables) -> str:
        values = {
            "mobius_library_path": str(self.library),
            "mobius_service_enabled": False,
            "mobius_health_check": False,
            "ansible_python_interpreter": sys.executable,
            "ansible_connection": "local",
            **variables,
        }
        command = [Path(sys.executable).with_name("ansible-playbook"), ROOT / "playbooks" / name, "-i", "localhost,"]
        done = subprocess.run(
            [*command, "-e", json.dumps(values)], capture_output=True, text=True, check=False, cwd=self.home
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


def draw(path: Path, *, flat: bool) -> None:
    dice = random.Random(path.name)
    image = Image.new("RGB", (120, 90), tuple(dice.randrange(60, 200) for _unused in range(3)))
    if not flat:
        pen = ImageDraw.Draw(image)
        for _unused in range(25):
            left, top = dice.randrange(100), dice.randrange(70)
            color = tuple(dice.randrange(256) for _unused in range(3))
            pen.ellipse([left, top, left + dice.randrange(5, 60), top + dice.randrange(5, 60)], fill=color)
    image.save(path)
