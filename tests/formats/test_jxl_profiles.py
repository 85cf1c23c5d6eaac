"""Color profiles inside JPEG XL codestreams are read, and lossy files beside them are no darker than they are."""

from __future__ import annotations

import base64
import hashlib
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.errors import DecodeError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.jxl import jxl, jxl_file, jxl_header, jxl_icc
from colorize_cli.notes import Loss, losses

# A slope of 32 x 24 pixels, coded by cjxl 0.7 with profiles that JPEG XL cannot name.
FILES = {
    "a98 lossless": (
        "{|d!G2&W7KW<VeSAV9Em9(V=FrF$qOnb+B~s%|sIg=)L`DH(n}2$yqE>4tVtngtqunGZqebj)IGCfM#K=<Xr-&PJJDDS^>ws|L?D"
        "8javd{0m&g0l$TWgGf`k@Z_4OhrmH2IAMmNaJ41)me_SX_<mtyCSIG76s%Mrb4L_VYhm(^YMM9B;Vgom9}eMzXc`cZ7|c@v8AVvo"
        "gZRP$2m%2Bpa4rKG!`C(kAi}d00l)VXkLslhA}7*WALB{AeTD;0Iv|#{X$CtrT_"
    ),
    "a98 lossy": (
        "{|d!G3a1PMW<VeSAV9Em9(V=FrF$qOnb+B~s%|sIg=)L`DH(n}2$yqE>4tVtngtqunGZqebj)IGCfM#K=<Xr-&PJJDDS^>ws|L?D"
        "8javd{0m&g0l$TWgGf`k@Z_4OhrmH2IAMmNaJ41)me_SX_<mtyCSIG76s%Mrb4L_VYhm(^YMM9B;Vgom9}eMzXc`cZ7|c@v8AVvo"
        "gZRP$01}7-0GI(?<q`k@6)K~Q8@!zB`SL@D#k7s<3~jY-VM(IMI5tTqa7YsA5xk911WLN{#C-c`+SGT-JhXjaISc>*Aj7cgGyqhR"
        "NJGz`?4GYBQ%qm?pO-d47YrBx2nZ1C+=d~<I`zO10s"
    ),
    "linear grey lossless": (
        "{|d!G7?%nI66OKWoRR@9&b*E<wbd82&m9XbaLJS)cRJQFz|1Bwvq@cDO|1)_2mpZA@A^;X0}S|ISX%KNZL+x3bs~;o17&GbO-u0r"
        "A*TQjWkd4-A!T1pQ(4P4KX!QU63?)MudunYsi&xPz>}4eucoxOp|WK_WME?8&#CrSSpc1e@s70s2m%2BfB;J<HdY_JD=3(tpt#7?"
        "|BDj{P9TTB5zKl56|IfgQ2+"
    ),
    "linear grey lossy": (
        "{|d!Gl8`c^(ufxg0ss<-0sw#kUF8x002L~uj2pb1>-q9ShsCsw>kMtRZDC2G$T&7hCvZp-iy(MgLJ_!1od7W(^h|2f-Q7AZ2f-o$"
        "0Duf(Gw1-QB$0r^6Yq5~!K|0Qd#l+59S8~lV*c}nc(#E6"
    ),
    "esrgb lossless": (
        "{|d!G2w#i?227wpAi%%?)4@DIBr5J?r^(OjN+nZZ0MsRz;S$Md>AY?aAJjwM>{_7V*TaW!quqARGK5VSH@JA!E9#+NQa8Btl~-+c"
        "A>5#U0L1?S(-Z(afsd727${4dYFdf|oP0H<y$zKu0hZ269tr>x2L~Z#Urke4%YR1r8GMD!l}$ZGr2&67M*@lD5PPZ$GKB>IJa0*H"
        "<J4K>h(|0Za;t$CcFRpF;(7)VTc0ijKJW)M_47Z0Pmu3(M)~`-&gVMq{C}}OHU3UySpgvbv)?%@e<l9{D*wvAn(1iKnZ1@*`Evl!"
        "k4{V){A8!{R{%AqRPXK7K>kbqCpK%;*}!xzrQ%<@Lc40lyaQf?=MsMnTAWlkVm750P(Xnt|K?oA#L8ba+}ZQ3`s%RxuklY-t7~v%"
        ")KX{cMs<@u1qP-ADJU@JH<UI0H}lHBP=gjuy!tciE2vHQ(~Yi%!QQN%NnzN8KL;IYpe=E7DqmK+@F(Ci4&&X?s52N9IKWOyXxVy-"
        "{I}T;Q0@MEQ@u(GP5b%hp8)&@00;sB09XJ^7?Tbdf}kWYPw8}#RrLn|QG1sF00"
    ),
}
SHA = {"a98": "c0995b8b196223f1", "esrgb": "4e09b5549edaff8a"}
SLOPE = np.clip(40 + 5 * np.arange(32) + 2 * np.arange(24)[:, None], 0, 255)


def coded(kind: str) -> bytes:
    return base64.b85decode(FILES[kind])


def in_parts(data: bytes, size: int) -> bytes:
    """A codestream in a container, cut into boxes of `size` bytes."""
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    out = jxl_file.SIGNATURE + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    for i, part in enumerate(parts):
        number = i | (0x80000000 if i == len(parts) - 1 else 0)
        out += struct.pack(">I4sI", len(part) + 12, b"jxlp", number) + part
    return out


@pytest.mark.parametrize("split", [0, 50])
@pytest.mark.parametrize("name", ["a98", "esrgb"])
def test_the_profile_of_a_lossless_file_is_kept(tmp_path: Path, name: str, split: int) -> None:
    path, data = tmp_path / "a.jxl", coded(f"{name} lossless")
    path.write_bytes(in_parts(jxl_file.naked(data), split) if split else data)
    photo = decode(path)
    assert hashlib.sha256(photo.pages[0].icc or b"").hexdigest()[:16] == SHA[name]
    assert photo.notes == ()
    np.testing.assert_array_equal(photo.pages[0].pixels[..., 1], SLOPE)


def test_the_profile_of_a_grey_file_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "a.jxl"
    path.write_bytes(coded("linear grey lossless"))
    photo = decode(path)
    assert photo.notes == ()
    light = SLOPE / 255
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(photo.pages[0].pixels, 255 * curve, atol=1.5)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", ["a98", "esrgb"])
def test_a_profile_is_written_and_read_back(tmp_path: Path, name: str, deep: bool) -> None:
    path = tmp_path / "a.jxl"
    path.write_bytes(coded(f"{name} lossless"))
    page = decode(path).pages[0]
    pixels = page.pixels.astype(np.uint16) * 257 if deep else page.pixels
    assert page.icc is not None and jxl.holds(page.icc, None, True) and not jxl.holds(page.icc, 90, True)
    path.write_bytes(jxl.encode_jxl(pixels, None, True, None, None, page.icc))
    back = decode(path)
    assert back.pages[0].icc == page.icc and back.notes == ()
    np.testing.assert_array_equal(back.pages[0].pixels, pixels)


def test_a_profile_of_any_size_is_written(tmp_path: Path) -> None:
    path, rng = tmp_path / "a.jxl", np.random.default_rng(3)
    path.write_bytes(coded("a98 lossless"))
    page = decode(path).pages[0]
    for size in (129, 4000, 70_000):
        profile = bytearray(rng.integers(0, 256, size, np.uint8).tobytes())
        profile[16:20] = b"RGB "
        data = jxl.encode_jxl(page.pixels, None, True, None, None, bytes(profile))
        stream = jxl_file.naked(data)
        assert jxl_icc.read_profile(stream, jxl_header.header_of(stream).places.end)[0] == profile


@pytest.mark.parametrize("kind", ["a98", "linear grey"])
def test_a_lossy_file_with_a_profile_is_as_light_as_the_lossless_one(tmp_path: Path, kind: str) -> None:
    whole, path = tmp_path / "a.jxl", tmp_path / "b.jxl"
    whole.write_bytes(coded(f"{kind} lossless"))
    path.write_bytes(coded(f"{kind} lossy"))
    photo, page = decode(path), decode(whole).pages[0]
    assert losses(photo.notes) == (Loss.profile,) and photo.pages[0].icc is None
    expected = page.pixels.astype(float)
    if kind == "a98":  # its curve against sRGB's: neutral grays differ by four steps at most
        expected = 255 * (expected / 255) ** (2.19921875)
        expected = 255 * np.where(expected < 0.8, expected / 255 * 12.92, 1.055 * (expected / 255) ** (1 / 2.4) - 0.055)
    assert np.abs(photo.pages[0].pixels.astype(float) - expected).mean() < 3


def test_a_damaged_profile_is_told_or_refused_and_nothing_else(tmp_path: Path) -> None:
    rng, path = random.Random(7), tmp_path / "a.jxl"
    data = jxl_file.naked(coded("a98 lossless"))
    header = jxl_header.header_of(data)
    whole, frames = jxl_icc.read_profile(data, header.places.end)
    refused = 0
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(rng.choice((1, 1, 4))):
            broken[rng.randrange(header.places.end // 8 + 1, frames)] ^= 1 << rng.randrange(8)
        try:
            jxl_icc.read_profile(bytes(broken), header.places.end)
        except jxl_file.JxlError:
            refused += 1
    assert refused > 150
    path.write_bytes(data[:60])
    with pytest.raises(DecodeError):
        decode(path)
    assert len(whole) == 564
