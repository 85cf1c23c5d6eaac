"""The page in headless Chromium: hints by mouse, keys and fingers, undo, save; at several sizes, light and dark."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from colorize_cli.cli.app import main
from tests.browser import chromium, complaints
from tests.serve.test_serve_command import serving

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.slow
MOST_SECONDS = 90  # that something is waited for, on a machine that does other things, too


class Page:
    """The server's page in a browser."""

    def __init__(self, browser: Chrome, address: str) -> None:
        self.browser = browser
        browser.get(address)
        self.wait("App.photos.length > 0 && document.querySelectorAll('.card').length > 0")

    def js(self, script: str, *given: Any) -> Any:
        return self.browser.execute_script(script, *given)

    def wait(self, condition: str) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.browser, MOST_SECONDS, 0.05).until(
            lambda _: self.js(f"return Boolean({condition})"), condition
        )

    def open(self, name: str) -> None:
        self.js("location.hash = 'photo/' + App.photos.find(photo => photo.name === arguments[0]).id", name)
        self.wait(f"Viewer.photo && Viewer.photo.name === {json.dumps(name)}")
        self.settle()

    def settle(self) -> None:
        """Wait for the fine look."""
        self.wait("!Viewer.running && Viewer.stage.look && document.getElementById('wait').hidden")

    def at(self, x: float, y: float) -> tuple[int, int]:
        """A place of the photo, in the window."""
        place = self.js(
            "const stage = Viewer.stage, box = stage.canvas.getBoundingClientRect();"
            "const at = stage.toScreen(arguments[0], arguments[1]);"
            "return [Math.round(box.left + at.x), Math.round(box.top + at.y)]",
            x,
            y,
        )
        return place[0], place[1]

    def mouse(self, *places: tuple[float, float]) -> None:
        """Press at the first place of the photo, go through the others, let go at the last."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        builder = ActionBuilder(self.browser, duration=30)
        builder.pointer_action.move_to_location(*self.at(*places[0])).pointer_down()
        for place in places[1:]:
            builder.pointer_action.move_to_location(*self.at(*place))
        builder.pointer_action.pointer_up()
        builder.perform()

    def click(self, x: float, y: float) -> None:
        count = self.count()
        self.mouse((x, y))
        self.wait(f"Viewer.edits.all().length === {count + 1} && !document.getElementById('popover').hidden")

    def press(self, selector: str) -> None:
        from selenium.webdriver.common.by import By

        self.browser.find_element(By.CSS_SELECTOR, selector).click()

    def keys(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def count(self) -> int:
        return int(self.js("return Viewer.edits.all().length"))

    def points(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.js("return Viewer.edits.now.points")
        return found

    def save(self) -> None:
        self.press("#save")
        self.wait("!Viewer.saving && document.getElementById('toast').textContent.startsWith('Saved')")


@pytest.fixture
def page(photos: Path, tmp_path: Path) -> Iterator[Page]:
    with chromium() as browser, serving(photos, "--out", tmp_path / "out", "--quiet") as (_, address):
        yield Page(browser, address)


def same_as_line(photos: Path, tmp_path: Path, name: str) -> bool:
    line = tmp_path / "line"
    assert main([str(photos), "--hints", str(tmp_path / "out"), "--out", str(line), "--device", "cpu", "--quiet"]) == 0
    return (line / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_three_hints_by_clicking_undo_and_save(page: Page, photos: Path, tmp_path: Path) -> None:
    page.open("a.png")
    page.click(250, 60)
    page.press("#swatches button:nth-child(5)")
    page.click(200, 180)
    page.js("const p = document.getElementById('picker'); p.value = '#c02020'; p.dispatchEvent(new Event('input'))")
    page.click(60, 200)
    palette = page.js("return Viewer.palette.colors.map(one => one.color)")
    assert page.points()[2]["color"] == palette[0]
    assert page.points()[1]["color"] == "#c02020"
    assert [(round(p["x"]), round(p["y"])) for p in page.points()] == [(250, 60), (200, 180), (60, 200)]
    three = page.points()
    page.press("#undo")
    assert page.points() == three[:2]
    page.press("#redo")
    assert page.points() == three
    page.press("#undo")
    page.settle()
    page.save()
    assert json.loads((tmp_path / "out" / "a.hints.json").read_text())["points"] == three[:2]
    with Image.open(tmp_path / "out" / "a.png") as image:
        red, green, blue = np.asarray(image.convert("RGB")).astype(int)[180, 200]
    assert red > green + 20 and red > blue + 20
    assert same_as_line(photos, tmp_path, "a.png")
    assert page.js("return App.photos.find(photo => photo.name === 'a.png').state") == "colored"
    assert complaints(page.browser) == []


def test_hints_are_dragged_and_deleted_and_strokes_are_painted(page: Page, tmp_path: Path) -> None:
    page.open("a.png")
    page.click(200, 100)
    page.mouse((200, 100), (220, 120), (260, 150))
    assert [(round(p["x"]), round(p["y"])) for p in page.points()] == [(260, 150)]
    page.wait("!document.getElementById('popover').hidden")
    page.press("#tool-brush")
    page.mouse((180, 200), (200, 210), (240, 205), (280, 215))
    page.wait("Viewer.edits.now.strokes.length === 1")
    stroke = page.js("return Viewer.edits.now.strokes[0]")
    assert [round(value) for value in stroke["path"][0]] == [180, 200]
    assert [round(value) for value in stroke["path"][-1]] == [280, 215]
    assert len(stroke["path"]) >= 3
    assert stroke["radius"] > 1
    page.press("#tool-point")
    page.press("#hints button:first-child")
    page.wait("!document.getElementById('popover').hidden")
    page.press("#remove")
    assert page.points() == []
    page.settle()
    page.save()
    said = json.loads((tmp_path / "out" / "a.hints.json").read_text())
    assert (said["points"], len(said["strokes"])) == ([], 1)
    page.js("location.reload()")
    page.wait("window.Viewer === undefined || true")
    page.wait("typeof Viewer !== 'undefined' && Viewer.edits && Viewer.edits.now.strokes.length === 1")
    assert complaints(page.browser) == []


def test_all_is_done_by_keys_alone(page: Page, photos: Path, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    page.keys("/", "a.png")
    page.wait("App.shown.length === 1")
    page.keys(Keys.ARROW_DOWN)
    page.keys(Keys.ENTER)
    page.wait("Viewer.photo")
    page.settle()
    page.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER)
    page.wait("Viewer.edits.all().length === 1 && !document.getElementById('popover').hidden")
    page.keys("4")
    first = page.points()[0]
    assert first["color"] == page.js("return Viewer.palette.colors[3].color")
    page.keys(Keys.ARROW_DOWN)
    assert page.points()[0]["y"] > first["y"]
    assert page.points()[0]["x"] == first["x"]
    page.keys(Keys.ESCAPE, "b", Keys.ENTER, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ENTER)
    page.wait("Viewer.edits.now.strokes.length === 1")
    page.keys(Keys.DELETE)
    assert page.count() == 1
    page.browser.switch_to.active_element.send_keys(Keys.CONTROL, "z")
    assert page.count() == 2
    page.browser.switch_to.active_element.send_keys(Keys.CONTROL, "y")
    assert page.count() == 1
    before = page.js("return Viewer.stage.at")
    page.keys("[")
    assert page.js("return Viewer.stage.at") < before
    page.settle()
    page.keys("s")
    page.wait("document.getElementById('toast').textContent.startsWith('Saved')")
    assert same_as_line(photos, tmp_path, "a.png")
    page.keys(Keys.ESCAPE, Keys.ESCAPE, Keys.ESCAPE)
    page.wait("!document.getElementById('overview').hidden")
    assert complaints(page.browser) == []


def test_what_is_not_saved_is_still_there_after_looking_at_another_photo(page: Page) -> None:
    page.open("a.png")
    page.click(250, 60)
    page.open("b.jpg")
    assert page.count() == 0
    page.open("a.png")
    assert page.count() == 1
    page.wait("document.getElementById('facts').textContent.endsWith('not saved')")


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844), (820, 1180)])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_cut_off_at_any_size(photos: Path, tmp_path: Path, width: int, height: int, dark: bool) -> None:
    with (
        chromium(width, height, dark) as browser,
        serving(photos, "--out", tmp_path / "out", "--quiet") as (_, address),
    ):
        page = Page(browser, address)
        assert page.js("return document.documentElement.scrollWidth") <= width
        page.open("a.png")
        page.click(250, 60)
        assert page.js("return document.documentElement.scrollWidth") <= width
        boxes = page.js(
            "return [...document.querySelectorAll('#head .button, #popover button, .tools button')]"
            ".filter(e => e.offsetParent).map(e => e.getBoundingClientRect())"
            ".map(b => [b.left, b.top, b.right, b.bottom])"
        )
        assert len(boxes) > 12
        assert all(left >= 0 and top >= 0 and right <= width and bottom <= height for left, top, right, bottom in boxes)
        back = page.js("return getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(255, 255, 255)") != dark
        assert complaints(browser) == []


def test_two_fingers_zoom_and_one_sets_a_hint(page: Page) -> None:
    page.open("a.png")
    x, y = page.at(160, 120)
    before = page.js("return Viewer.stage.view.scale")
    touch: Callable[[str, list[tuple[int, int]]], Any] = lambda kind, places: page.browser.execute_cdp_cmd(  # noqa: E731
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(places)]},
    )
    touch("touchStart", [(x - 40, y)])
    touch("touchStart", [(x - 40, y), (x + 40, y)])
    for apart in (60, 90, 120):
        touch("touchMove", [(x - apart, y), (x + apart, y)])
    touch("touchEnd", [])
    page.wait(f"Viewer.stage.view.scale > {1.5 * before}")
    assert page.count() == 0
    touch("touchStart", [(x + 30, y + 20)])
    touch("touchEnd", [])
    page.wait("Viewer.edits.all().length === 1")


def test_colors_are_taken_from_another_picture(page: Page, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By

    Image.new("RGB", (80, 60), (200, 40, 120)).save(tmp_path / "reference.png")
    page.open("a.png")
    page.click(250, 60)
    page.press("#reference")
    page.browser.find_element(By.ID, "reference-file").send_keys(str(tmp_path / "reference.png"))
    page.wait("!document.getElementById('reference-place').hidden")
    page.press("#reference-canvas")
    assert page.points()[0]["color"] == "#c82878"
    page.press("#dropper")
    page.settle()
    x, y = 200.0, 150.0
    shown = page.js("return Viewer.stage.colorAt(200, 150)")
    page.mouse((x, y))
    page.wait(f"Viewer.edits.now.points[0].color === {json.dumps(shown)}")
    assert page.count() == 1
    assert complaints(page.browser) == []


def test_variants_are_side_by_side_and_one_is_taken(page: Page) -> None:
    page.open("a.png")
    page.press("#variants")
    page.wait("document.querySelectorAll('#variants-list img').length === 4")
    rows = page.js(
        "return [...document.querySelectorAll('#variants-list button')].map(e => e.getBoundingClientRect().top)"
    )
    assert len(set(rows)) <= 2
    page.press("#variants-list button:nth-child(2)")
    assert page.count() > 0
    page.press("#undo")
    assert page.count() == 0
