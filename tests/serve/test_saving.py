"""Save writes what `colorize --hints` writes, byte for byte; hints that were saved are there again."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli import Colorizer
from colorize_cli.cli.app import main
from colorize_cli.serve.session import ServeOptions, Session
from tests.inference.conftest import grey_photo
from tests.serve.conftest import Served

pytestmark = pytest.mark.slow
POINTS = [{"x": 60.5, "y": 40, "color": "#b03020"}, {"x": 200, "y": 150, "color": "#2040c0", "radius": 12}]
STROKES = [{"path": [[20, 200], [60.5, 210], [120, 205]], "color": "#209030", "radius": 9}]


def pixels(data: bytes | Path) -> np.ndarray:
    with Image.open(data if isinstance(data, Path) else BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("a.png", {"points": POINTS, "strokes": STROKES}),
        ("b.jpg", {"points": POINTS[:1], "strokes": [], "vividness": 0.9, "saturation": 1.25}),
        ("sub/c.tif", {"points": [], "strokes": [{"path": [[10, 20], [90, 100]], "color": "#b03020", "radius": 5}]}),
        ("sub/c.tif", {"points": [], "strokes": []}),
    ],
)
def test_saved_files_are_those_of_the_command_line(
    served: Served, photos: Path, tmp_path: Path, name: str, wish: dict[str, object]
) -> None:
    answer = served.post(f"photos/{served.number(name)}/save", wish)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"status": "done", "name": Path(name).name}
    assert served.photo(name)["state"] == "colored"
    hints, line = (tmp_path / "out" / name).with_suffix(".hints.json"), [str(photos), "--out", str(tmp_path / "line")]
    for option in ("vividness", "saturation"):
        line += [f"--{option}", str(wish[option])] if option in wish else []
    if wish["points"] or wish["strokes"]:
        assert json.loads(hints.read_text())["points"] == wish["points"]
        line += ["--hints", str(tmp_path / "out")]
    else:
        assert not hints.exists()
    assert main([*line, "--device", "cpu", "--quiet"]) == 0
    assert (tmp_path / "line" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_points_and_strokes_color_the_result_where_they_are(served: Served, tmp_path: Path) -> None:
    number = served.number("a.png")
    assert served.post(f"photos/{number}/save", {"points": POINTS, "strokes": STROKES}).status_code == 200
    rgb = pixels(tmp_path / "out" / "a.png")
    assert rgb[40, 60].argmax() == 0
    assert rgb[150, 200].argmax() == 2
    assert rgb[210, 60].argmax() == 1


def test_saved_hints_are_there_when_the_photo_is_opened_again(served: Served) -> None:
    number = served.number("a.png")
    served.post(f"photos/{number}/save", {"points": POINTS, "strokes": STROKES, "vividness": 0.9, "saturation": 1.25})
    again = served.get(f"photos/{number}").json()
    assert again["points"] == POINTS
    assert again["strokes"] == STROKES
    assert (again["vividness"], again["saturation"]) == (0.9, 1.25)


def test_removing_all_hints_removes_their_color_from_the_result(served: Served, tmp_path: Path) -> None:
    number = served.number("a.png")
    served.post(f"photos/{number}/save", {"points": [], "strokes": []})
    plain = pixels(tmp_path / "out" / "a.png")
    served.post(f"photos/{number}/save", {"points": POINTS, "strokes": []})
    assert np.abs(pixels(tmp_path / "out" / "a.png") - plain).max() > 20
    served.post(f"photos/{number}/save", {"points": [], "strokes": []})
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "a.png"), plain)
    assert served.get(f"photos/{number}").json()["points"] == []


def test_the_preview_shows_what_is_saved(served: Served, tmp_path: Path) -> None:
    number = served.number("a.png")
    wish = {"points": POINTS, "strokes": STROKES, "side": 1024}
    seen = served.post(f"photos/{number}/preview", wish)
    served.post(f"photos/{number}/save", {"points": POINTS, "strokes": STROKES})
    saved = pixels(tmp_path / "out" / "a.png")
    assert np.abs(pixels(seen.content) - saved).mean() < 3  # JPEG
    tile = served.get(f"photos/{number}/tiles/{seen.headers['x-look']}/0/0/0")
    assert np.abs(pixels(tile.content) - saved).mean() < 3


def test_a_result_is_kept_when_saving_fails(served: Served, photos: Path, tmp_path: Path) -> None:
    number = served.number("a.png")
    served.post(f"photos/{number}/save", {"points": [], "strokes": []})
    first = (tmp_path / "out" / "a.png").read_bytes()
    (photos / "a.png").write_bytes((photos / "a.png").read_bytes()[:2000])
    answer = served.post(f"photos/{number}/save", {"points": POINTS, "strokes": []})
    assert answer.status_code == 422
    assert "truncated" in answer.text
    assert (tmp_path / "out" / "a.png").read_bytes() == first
    assert served.photo("a.png")["state"] == "failed"


def test_odd_names_are_saved_and_given(colorizer: Colorizer, tmp_path: Path) -> None:
    names = [
        b"<img src=x onerror=alert(1)>.png",
        b"bad\xff name.png",
        "ü ö\n.png".encode(),
        b"-o.png",
        b"%2e%2e%2f.png",
    ]
    for number, name in enumerate(names):
        Path(grey_photo(tmp_path / "photos" / f"{number}.png", (64, 48), number)).rename(
            tmp_path / "photos" / os.fsdecode(name)
        )
    session = Session(colorizer, ServeOptions(photos=tmp_path / "photos", out=tmp_path / "out"))
    served = Served(session)
    for photo in served.get("changes?since=-1").json()["photos"]:
        answer = served.post(f"photos/{photo['id']}/save", {"points": [{"x": 9, "y": 9, "color": "#b03020"}]})
        assert answer.status_code == 200, answer.text
        assert served.get(f"photos/{photo['id']}").json()["points"] == [{"x": 9, "y": 9, "color": "#b03020"}]
        assert served.get(f"photos/{photo['id']}/result").status_code == 200
    assert len(list((tmp_path / "out").glob("*.png"))) == len(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]
    session.close()


def test_a_photo_that_cannot_be_read_leaves_no_hints(colorizer: Colorizer, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "text.jpg").write_text("no photo")
    session = Session(colorizer, ServeOptions(photos=tmp_path / "photos", out=tmp_path / "out"))
    assert Served(session).post("photos/0/save", {"points": POINTS}).status_code == 422
    assert not (tmp_path / "out").exists()
    session.close()
