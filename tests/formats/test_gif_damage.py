"""A GIF whose pixels end early, or whose code makes no sense, is damaged; whole ones of every kind pass."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import DecodeError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.gif import gif_lzw

U8 = NDArray[np.uint8]


def gif(indices: U8, **options: Any) -> bytes:
    image = Image.fromarray(indices).convert("P")
    image.putpalette([value for i in range(256) for value in (i, i, i)])
    out = io.BytesIO()
    image.save(out, "GIF", **options)
    return out.getvalue()


def pictures() -> dict[str, U8]:
    rng = np.random.default_rng(0)
    return {
        "noise": rng.integers(0, 256, (150, 201)).astype(np.uint8),
        "flat": np.full((200, 300), 7, np.uint8),
        "two colors": (rng.random((90, 131)) > 0.9).astype(np.uint8),
        "four colors": rng.integers(0, 4, (90, 131)).astype(np.uint8),
        "one pixel": np.zeros((1, 1), np.uint8),
        "ramp": np.tile(np.arange(256, dtype=np.uint8), (200, 1)),
    }


@pytest.mark.parametrize("name", pictures())
@pytest.mark.parametrize("interlaced", [False, True])
def test_whole_gifs_pass_and_can_be_coded_anew(name: str, interlaced: bool) -> None:
    data = gif(pictures()[name], interlace=interlaced)
    assert gif_lzw.fault(data) == ""
    with Image.open(io.BytesIO(data)) as one, Image.open(io.BytesIO(gif_lzw.filled_up(data))) as two:
        np.testing.assert_array_equal(np.asarray(one.convert("L")), np.asarray(two.convert("L")))


def cut_inside(data: bytes, share: float) -> bytes:
    """A GIF that ends as it should, but some of whose code is missing."""
    at = next(gif_lzw._frames(data, 1))[0]
    coded = gif_lzw._joined(data, at + 1)[0]
    kept = coded[: int(len(coded) * share)]
    blocks = b"".join(bytes((len(kept[i : i + 255]),)) + kept[i : i + 255] for i in range(0, len(kept), 255))
    return data[: at + 1] + blocks + b"\0\x3b"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
@pytest.mark.parametrize("interlaced", [False, True])
def test_gifs_whose_data_end_early_are_refused_or_salvaged(tmp_path: Path, share: float, interlaced: bool) -> None:
    picture = pictures()["noise"]
    path, whole = tmp_path / "early.gif", gif(picture, interlace=interlaced)
    for data in (cut_inside(whole, share), whole[: int(len(whole) * share)]):
        path.write_bytes(data)
        with pytest.raises(DecodeError, match=r"^damaged GIF: .* pixels are missing") as caught:
            decode(path)
        assert caught.value.hint is not None and "--salvage" in caught.value.hint
        photo = decode(path, salvage=True)
        assert photo.pages[0].size == (201, 150) and "pixels are missing" in photo.notes[0]
        if not interlaced:
            rows = int(150 * share * 0.7)  # early words stand for fewer pixels
            np.testing.assert_array_equal(photo.pages[0].pixels[:rows], picture[:rows])


def test_code_words_without_a_meaning_are_seen(tmp_path: Path) -> None:
    data = bytearray(gif(pictures()["ramp"]))
    at = next(gif_lzw._frames(bytes(data), 1))[0]
    data[at + 8 : at + 12] = b"\xff\xff\xff\xff"
    path = tmp_path / "words.gif"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="damaged GIF: .*code word has no meaning"):
        decode(path)


def test_pixels_that_are_too_many_are_seen(tmp_path: Path) -> None:
    """A frame of 150 rows that says it has 140: its code was made for another picture."""
    data = bytearray(gif(pictures()["noise"]))
    at = next(gif_lzw._frames(bytes(data), 1))[0]
    assert data[at - 10] == 0x2C
    data[at - 3 : at - 1] = (140).to_bytes(2, "little")
    path = tmp_path / "many.gif"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="damaged GIF: its code goes on for 2,010 pixels too many"):
        decode(path)


def test_every_frame_can_be_looked_at() -> None:
    frames = [Image.fromarray(picture) for picture in (pictures()["noise"], pictures()["noise"][::-1])]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    data = out.getvalue()
    assert gif_lzw.fault(data, most=5) == ""
    assert gif_lzw.fault(data[:-900], most=1) == ""
    assert gif_lzw.fault(data[:-900], most=5).startswith("frame 2: ")
