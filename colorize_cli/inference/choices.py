"""Closed choices that the command line offers; importing them loads no torch."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """Arithmetic of the network; the merge with the lightness is never affected."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class OnColor(StrEnum):
    """What to do with a photo that has colour already."""

    copy = "copy"
    skip = "skip"
    recolor = "recolor"


class Strip(StrEnum):
    """What is left out of the metadata."""

    none = "none"
    gps = "gps"
    all = "all"


class OutputFormat(StrEnum):
    """Format of the results."""

    keep = "keep"
    jpg = "jpg"
    png = "png"
    tif = "tif"
    webp = "webp"


class Method(StrEnum):
    """How colours are found."""

    network = "network"
    levin = "levin"
    welsh = "welsh"
    charpiat = "charpiat"
