"""A run's report: curves of its losses and figures, sheets of samples, the table by epoch that one paper prints.

In:  a run's folder, the lines of its log
Out: in that folder `loss.png`, and `report.html` beside the pictures that it shows
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

EPOCHS = (5, 10, 15, 20)  # of the table; Raj, table 1
LOSSES = ("D_fake", "D_real", "D", "G_GAN", "G_L1", "G")
_COLORS = ("#0a6cbd", "#d9480f", "#7048e8", "#0c8599", "#c2255c", "#5c940d", "#e67700", "#364fc7")
_WIDTH, _HEIGHT = 420, 220  # pixels of a panel
_SHEETS = 40  # most sheets of samples on the page

Rows = Sequence[Mapping[str, Any]]
Curve = Sequence[tuple[float, float]]
Groups = list[tuple[str, tuple[str, ...]]]


def write_report(folder: Path, rows: Rows) -> None:
    """Write `loss.png` and `report.html`.

    Args:
        folder: the run's.
        rows: a line of figures for each checkpoint, in order.

    Raises:
        OSError: the disk refuses.
    """
    if not rows:
        return
    picture(rows).save(folder / "loss.png")
    (folder / "report.html").write_text(page(folder, rows), encoding="utf-8")


def groups_of(rows: Rows) -> Groups:
    """Panels and their curves: losses of each network apart, figures beside those of grey and of the truth."""
    keys = {key for row in rows for key in row}
    losses = sorted(key for key in keys if key == "loss" or key.startswith(("G_", "D_")) or key in ("G", "D"))
    wanted: Groups = [
        ("Discriminator's losses", tuple(key for key in losses if key[0] == "D")),
        ("Generator's losses", tuple(key for key in losses if key[0] != "D")),
        ("PSNR, dB", ("psnr", "grey_psnr", "psnr_with_ema", "psnr_without_ema")),
        ("SSIM", ("ssim", "grey_ssim")),
        ("Colorfulness", ("colorfulness", "truth_colorfulness")),
    ]
    found = [(title, tuple(key for key in names if key in keys)) for title, names in wanted]
    return [(title, names) for title, names in found if names]


def points(rows: Rows, key: str) -> list[tuple[float, float]]:
    """A curve: (samples, value) of each checkpoint that has it."""
    return [(float(row["samples"]), float(row[key])) for row in rows if key in row and math.isfinite(row[key])]


def picture(rows: Rows) -> Image.Image:
    """All curves as one picture, a panel a group."""
    groups = groups_of(rows)
    image = Image.new("RGB", (_WIDTH, _HEIGHT * max(1, len(groups))), "white")
    draw = ImageDraw.Draw(image)
    for number, (title, names) in enumerate(groups):
        _panel(draw, number * _HEIGHT, title, {name: points(rows, name) for name in names})
    return image


def _panel(draw: ImageDraw.ImageDraw, top: int, title: str, curves: Mapping[str, Curve]) -> None:
    left, right, upper, lower = 52, _WIDTH - 12, top + 24, top + _HEIGHT - 44
    xs = [x for curve in curves.values() for x, _ in curve] or [0.0]
    ys = [y for curve in curves.values() for _, y in curve] or [0.0]
    low, high = min(ys), max(ys)
    span, width = (high - low) or 1.0, (max(xs) - min(xs)) or 1.0
    draw.text((left, top + 6), title, fill="black")
    draw.rectangle((left, upper, right, lower), outline="#ced4da")
    draw.text((4, upper - 4), f"{high:.4g}", fill="#495057")
    draw.text((4, lower - 8), f"{low:.4g}", fill="#495057")
    draw.text((left, lower + 2), f"{min(xs):.0f}", fill="#495057")
    draw.text((right - 60, lower + 2), f"{max(xs):.0f} photos", fill="#495057")
    at = left
    for number, (name, curve) in enumerate(curves.items()):
        color = _COLORS[number % len(_COLORS)]
        across, down = (right - left) / width, (lower - upper) / span
        path = [(left + (x - min(xs)) * across, lower - (y - low) * down) for x, y in curve]
        if len(path) > 1:
            draw.line(path, fill=color, width=2)
        for x, y in path:
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=color)
        draw.text((at, lower + 20), name, fill=color)
        at += int(draw.textlength(name)) + 14


def table(rows: Rows) -> list[list[str]]:
    """The losses at epochs 5, 10, 15 and 20 (of shorter runs, at the last one), a row a loss."""
    last = {int(row["epoch"]): row for row in rows if "epoch" in row}
    epochs = [epoch for epoch in EPOCHS if epoch in last] or sorted(last)[-1:]
    names = [name for name in (*LOSSES, "loss") if any(name in last[epoch] for epoch in epochs)]
    head = ["loss", *(f"epoch {epoch}" for epoch in epochs)]
    return [head, *([name, *(_number(last[epoch].get(name)) for epoch in epochs)] for name in names)]


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.5f}"


def page(folder: Path, rows: Rows) -> str:
    """The report as HTML that stands by itself beside the run's pictures."""
    figures = table(rows)
    cells = "".join(f"<th>{escape(text)}</th>" for text in figures[0])
    lines = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in figures[1:])
    sheets = sorted((folder / "sheets").glob("*.png"))
    step = max(1, math.ceil(len(sheets) / _SHEETS))
    shown = [*sheets[::step], *(sheets[-1:] if (len(sheets) - 1) % step else [])]
    pictures = "".join(
        f'<figure><img loading="lazy" src="sheets/{escape(file.name)}" alt=""><figcaption>{int(file.stem):,} photos: '
        "grey, predicted, truth</figcaption></figure>"
        for file in shown
        if file.stem.isdigit()
    )
    name = escape(folder.name)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
table {{ border-collapse: collapse }}
th, td {{ padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd }}
th:first-child, td:first-child {{ text-align: left }} img {{ max-width: 100% }}
figure {{ display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top }}</style></head>
<body><h1>{name}</h1>
<h2>Losses by epoch</h2><table><tr>{cells}</tr>{lines}</table>
<h2>Curves</h2><img src="loss.png" alt="Losses and figures over the photos seen">
<h2>Samples</h2>{pictures}
</body></html>
"""
