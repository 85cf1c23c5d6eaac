"""What the page is told: states, previews, palettes, tiles; bad photos and bad requests get one line each."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli import Colorizer
from colorize_cli.serve.session import ServeOptions, Session
from tests.inference.conftest import grey_photo
from tests.serve.conftest import ROOT, Served


def picture(data: bytes) -> np.ndarray:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def chroma(rgb: np.ndarray) -> np.ndarray:
    return rgb.max(-1) - rgb.min(-1)


def test_every_photo_is_listed_with_its_state(served: Served) -> None:
    told = served.get("changes?since=-1").json()
    assert [(photo["name"], photo["state"]) for photo in told["photos"]] == [
        ("a.png", "to do"),
        ("b.jpg", "to do"),
        ("sub/c.tif", "to do"),
    ]
    assert served.get(f"changes?since={told['change']}").json()["photos"] == []


def test_the_page_and_all_its_files_are_given(served: Served) -> None:
    page = served.get("")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    names = [part.split('"')[0] for kind in ('src="', 'href="') for part in page.text.split(kind)[1:]]
    files = [name for name in names if not name.startswith("data:")]
    assert {"shared.js", "shared.css", "serve.css", "viewer.js"} <= set(files)
    for name in files:
        answer = served.get(name)
        assert answer.status_code == 200, name
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


def test_the_token_alone_leads_to_the_page(served: Served) -> None:
    answer = served.client.get(ROOT)
    assert str(answer.url).endswith(f"{ROOT}/")
    assert answer.status_code == 200


def test_a_photo_says_its_size_and_its_tiles(served: Served) -> None:
    told = served.get(f"photos/{served.number('b.jpg')}").json()
    assert (told["width"], told["height"], told["levels"], told["pages"]) == (200, 300, 1, 1)
    assert told["takesColor"] is True
    assert (told["points"], told["strokes"], told["saved"]) == ([], [], False)


def test_before_is_the_photo_and_the_preview_is_colored(served: Served, photos: Path) -> None:
    number = served.number("a.png")
    before = picture(served.get(f"photos/{number}/before?side=512").content)
    assert before.shape == (240, 320, 3)
    assert chroma(before).max() <= 2
    after = picture(served.post(f"photos/{number}/preview", {"side": 512}).content)
    assert chroma(after).mean() > 5
    pale = picture(served.post(f"photos/{number}/preview", {"side": 512, "saturation": 0}).content)
    assert chroma(pale).max() <= 3


def test_a_hint_shows_in_a_first_look(served: Served) -> None:
    number = served.number("a.png")
    wish = {"points": [{"x": 160, "y": 120, "color": "#c02020"}], "side": 512, "quick": True}
    answer = served.post(f"photos/{number}/preview", wish)
    red, green, blue = picture(answer.content)[120, 160]
    assert red > green + 25 and red > blue + 25
    assert answer.headers["x-look"] == ""


def test_the_palette_has_the_likeliest_color_first(served: Served) -> None:
    colors = served.get(f"photos/{served.number('a.png')}/likely?x=0.5&y=0.5").json()
    shares = [one["share"] for one in colors]
    assert len(colors) == 12
    assert shares == sorted(shares, reverse=True)
    assert 0.5 < sum(shares) <= 1.001
    assert len({one["color"] for one in colors}) == 12


def test_proposals_differ_and_their_hints_say_how(served: Served) -> None:
    found = served.post(f"photos/{served.number('a.png')}/proposals", {"count": 3, "side": 256}).json()
    assert len(found) == 3
    assert found[0]["points"] == []
    assert len({one["picture"] for one in found}) >= 2
    assert all(one["picture"].startswith("data:image/jpeg;base64,") for one in found)


def test_tiles_of_all_levels_show_the_same_photo(colorizer: Colorizer, tmp_path: Path) -> None:
    grey_photo(tmp_path / "photos" / "large.png", (1300, 900), 4)
    session = Session(colorizer, ServeOptions(photos=tmp_path / "photos", out=tmp_path / "out"))
    served = Served(session)
    told = served.get("photos/0").json()
    assert (told["levels"], told["tile"]) == (3, 512)
    with Image.open(tmp_path / "photos" / "large.png") as image:
        whole = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(picture(served.get("photos/0/tiles/before/0/2/1").content) - whole[512:900, 1024:1300]).max() <= 6
    small = picture(served.get("photos/0/tiles/before/2/0/0").content)
    assert small.shape == (225, 325, 3)
    assert np.abs(small - whole[::4, ::4]).mean() < 4
    assert served.get("photos/0/tiles/before/0/3/0").status_code == 404
    look = served.post("photos/0/preview", {"side": 2048}).headers["x-look"]
    assert chroma(picture(served.get(f"photos/0/tiles/{look}/0/1/1").content)).mean() > 5
    session.close()


def test_color_all_colors_what_is_to_do_and_one_bad_photo_stops_nothing(
    colorizer: Colorizer, photos: Path, tmp_path: Path
) -> None:
    (photos / "bad.png").write_bytes((photos / "a.png").read_bytes()[:3000])
    (photos / "worse.jpg").write_bytes(b"\xff\xd8\xff no photo")
    session = Session(colorizer, ServeOptions(photos=photos, out=tmp_path / "out"))
    served = Served(session)
    bad = served.number("bad.png")
    for path in ("", "/thumbnail", "/before", "/tiles/before/0/0/0"):
        answer = served.get(f"photos/{bad}{path}")
        assert answer.status_code == 422
        assert "truncated" in answer.text and answer.text.count("\n") == 1
    assert served.photo("bad.png")["state"] == "failed"
    served.post("color-all")
    while served.get("changes").json()["batch"]["running"]:
        time.sleep(0.05)
    states = {photo["name"]: photo["state"] for photo in served.get("changes?since=-1").json()["photos"]}
    assert states == {
        "a.png": "colored",
        "b.jpg": "colored",
        "bad.png": "failed",
        "sub/c.tif": "colored",
        "worse.jpg": "failed",
    }
    assert served.photo("worse.jpg")["reason"]
    assert served.get("about").status_code == 200
    session.close()


@pytest.mark.slow
def test_a_photo_is_saved_while_all_are_colored(colorizer: Colorizer, tmp_path: Path) -> None:
    for number in range(40):
        grey_photo(tmp_path / "photos" / f"{number:02}.png", (400, 300), number)
    session = Session(colorizer, ServeOptions(photos=tmp_path / "photos", out=tmp_path / "out"))
    served = Served(session)
    served.post("color-all")
    while not served.get("changes").json()["batch"]["done"]:
        time.sleep(0.02)
    wish = {"points": [{"x": 200, "y": 150, "color": "#c02020"}], "strokes": []}
    assert served.post("photos/39/save", wish).status_code == 200
    batch = served.get("changes").json()["batch"]
    assert batch["running"] and batch["done"] < 39
    while (batch := served.get("changes").json()["batch"])["running"]:
        time.sleep(0.05)
    assert batch["reason"] == ""
    assert {photo["state"] for photo in served.get("changes?since=-1").json()["photos"]} == {"colored"}
    red, green, blue = picture((tmp_path / "out" / "39.png").read_bytes())[150, 200]
    assert red > green + 20 and red > blue + 20
    session.close()


def test_a_photo_that_is_gone_and_a_folder_that_is_gone_stop_nothing(served: Served, photos: Path) -> None:
    number = served.number("a.png")
    (photos / "a.png").unlink()
    for path in ("", "/thumbnail"):
        answer = served.get(f"photos/{number}{path}")
        assert (answer.status_code, answer.text.count("\n")) == (422, 1)
    assert served.post(f"photos/{number}/save", {"points": []}).status_code == 422
    photos.rename(photos.with_name("elsewhere"))
    answer = served.post("rescan")
    assert (answer.status_code, answer.text.count("\n")) == (422, 1)
    assert served.get("about").status_code == 200


def test_results_of_earlier_runs_are_known(colorizer: Colorizer, served: Served, photos: Path, tmp_path: Path) -> None:
    served.post(f"photos/{served.number('a.png')}/save", {"points": [], "strokes": []})
    again = Session(colorizer, ServeOptions(photos=photos, out=tmp_path / "out"))
    again.start()
    other = Served(again)
    while other.get("changes").json()["looking"]:
        time.sleep(0.05)
    assert other.photo("a.png")["state"] == "colored"
    assert other.photo("b.jpg")["state"] == "to do"
    assert other.get(f"photos/{other.number('a.png')}/result").content == (tmp_path / "out" / "a.png").read_bytes()
    again.close()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"no json", "no JSON"),
        (b"[]", "no object"),
        (b"[" * 100_000, "no JSON"),
        (b'{"points": 3}', "points: expected a list"),
        (b'{"points": [{"x": 5, "y": 5, "color": "nocolor"}]}', "points[0].color"),
        (b'{"points": [{"x": 5000, "y": 5, "color": "red"}]}', "outside"),
        (b'{"points": [{"x": NaN, "y": 5, "color": "red"}]}', "points[0].x"),
        (b'{"saturation": 9}', "saturation: expected a number from 0 to 4"),
        (b'{"saturation": NaN}', "saturation: expected a number"),
        (b'{"vividness": "much"}', "vividness: expected a number"),
        (b'{"side": 100000}', "side: expected a number from 64 to 2048"),
        (b'{"file": "/etc/passwd"}', "no field 'file'"),
    ],
)
def test_a_bad_wish_gets_one_line(served: Served, tmp_path: Path, body: bytes, said: str) -> None:
    for act in ("preview", "save"):
        answer = served.client.post(f"{ROOT}/photos/0/{act}", content=body)
        assert answer.status_code in (400, 422), answer.text
        assert said in answer.text
        assert answer.text.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_wish_that_is_too_large_is_not_read(served: Served) -> None:
    answer = served.client.post(f"{ROOT}/photos/0/preview", content=b" " * (5 << 20))
    assert answer.status_code == 413
    assert "larger than 4 MB" in answer.text


def test_uploads_are_refused_unless_they_were_asked_for(served: Served, photos: Path) -> None:
    before = sorted(photos.rglob("*"))
    answer = served.client.post(f"{ROOT}/upload?name=new.png", content=(photos / "a.png").read_bytes())
    assert answer.status_code == 403
    assert "--upload" in answer.text
    assert sorted(photos.rglob("*")) == before


def test_uploads_are_taken_under_a_name_of_their_own(colorizer: Colorizer, photos: Path, tmp_path: Path) -> None:
    session = Session(colorizer, ServeOptions(photos=photos, out=tmp_path / "out", uploads=True, max_upload=1 << 20))
    served, data, first = Served(session), (photos / "b.jpg").read_bytes(), (photos / "a.png").read_bytes()

    def upload(name: str, content: bytes = data) -> tuple[int, str]:
        answer = served.client.post(f"{ROOT}/upload", params={"name": name}, content=content)
        return answer.status_code, answer.text

    assert upload("new.jpg") == (200, '{"name":"new.jpg"}')
    assert upload("a.png", first) == (200, '{"name":"a-2.png"}')
    assert (photos / "a-2.png").read_bytes() == first
    assert served.photo("new.jpg")["state"] == "to do"
    for name in ("../x.jpg", "/tmp/x.jpg", "..\\x.jpg", ".x.jpg", "x.sh", "x", "", "x\0.jpg", "sub/x.jpg"):
        assert upload(name)[0] == 400, name
    assert upload("text.jpg", b"#!/bin/sh\n" * 20)[0] == 400
    assert upload("large.jpg", data + bytes(2 << 20))[0] == 413
    assert sorted(path.name for path in photos.iterdir()) == ["a-2.png", "a.png", "b.jpg", "new.jpg", "sub"]
    session.close()
