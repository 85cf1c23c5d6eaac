"""The report as one page of HTML that needs no network: the table, distributions, and the photos with a slider.

In:  `Evaluation` with its gallery
Out: the page, piece by piece, so that memory does not grow with the number of photos
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from colorize_cli.errors import counted, printable
from colorize_cli.evaluation.columns import GREY, TRUTH, Better, Column
from colorize_cli.evaluation.literature import PUBLISHED, WARNING
from colorize_cli.evaluation.plots import curves, distribution, row_colors
from colorize_cli.evaluation.result import Evaluation, Row
from colorize_cli.evaluation.statistics import Figure
from colorize_cli.pages.shared import with_shared

MOST_PHOTOS = 1000  # on the page; of more, the worst and the best halves
_ARROWS = {Better.up: " ↑", Better.down: " ↓", Better.truth: ""}


def _html(text: str) -> str:
    return escape(printable(text), quote=True)


def chosen_photos(found: Evaluation) -> list[int]:
    """Which photos stand on the page: all, or the worst and the best of the first model by the first metric."""
    count = len(found.names)
    if count <= MOST_PHOTOS:
        return list(range(count))
    row = next((row for row in found.rows if row.name not in (GREY, TRUTH)), found.rows[0])
    values = next(iter(row.per_picture.values()), np.zeros(count))
    order = np.argsort(values, kind="stable")
    half = MOST_PHOTOS // 2
    return sorted([*order[:half].tolist(), *order[count - half :].tolist()])


def _cell(figure: Figure | None, column: Column, truth: Figure | None) -> str:
    if figure is None:
        return "<td>–</td>"
    small = []
    if figure.low is not None and figure.high is not None:
        small.append(f"{figure.low:.{column.digits}f} – {figure.high:.{column.digits}f}")
    if truth is not None and truth is not figure:
        small.append(f"{figure.value - truth.value:+.{column.digits}f} from the truth")
    below = "".join(f"<small>{line}</small>" for line in small)
    return f"<td>{figure.value:.{column.digits}f}{below}</td>"


def _table(found: Evaluation, colors: dict[str, str]) -> str:
    truths = next((row.figures for row in found.rows if row.name == TRUTH), {})
    head = "".join(
        f"<th>{_html(column.title)}{' ' + column.unit if column.unit else ''}{_ARROWS[column.better]}</th>"
        for column in found.columns
    )
    lines = []
    for row in found.rows:
        cells = "".join(_cell(row.figures.get(c.name), c, truths.get(c.name)) for c in found.columns)
        dot = f'<span class="swatch" style="background:{colors[row.name]}"></span>'
        lines.append(f"<tr><td>{dot}{_html(row.name)}</td>{cells}</tr>")
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _about(found: Evaluation) -> str:
    settings = " · ".join(f"{_html(key)} {_html(value)}" for key, value in found.settings.items() if value != "none")
    versions = " · ".join(f"{_html(key)} {_html(value)}" for key, value in found.versions.items())
    weights = "".join(
        f"<p><small>{_html(row.name)}: sha256 {_html(row.sha256)}</small></p>" for row in found.rows if row.sha256
    )
    return f"<p>{counted(len(found.names), 'photo')} · {settings}</p><p><small>{versions}</small></p>{weights}"


def _notes(found: Evaluation, shown: int) -> str:
    lines = ["Means over photos, with 95 % bootstrap intervals.", *found.notes, *found.remarks]
    lines += [f"failed: {name}: {reason}" for name, reason in found.failed]
    if shown < len(found.names):
        lines.append(f"{shown} of {counted(len(found.names), 'photo')} shown below: the worst and the best.")
    return f'<ul class="notes">{"".join(f"<li>{_html(line)}</li>" for line in lines)}</ul>'


def _plots(found: Evaluation, colors: dict[str, str]) -> str:
    figures = []
    for column in found.columns:
        values = {row.name: row.per_picture[column.name] for row in found.rows if column.name in row.per_picture}
        svg = distribution(values, colors, column.title, column.digits)
        if svg:
            figures.append(f"<figure>{svg}<figcaption>{_html(column.title)} {column.unit}</figcaption></figure>")
    for name in sorted({name for row in found.rows for name in row.curves}):
        svg = curves({row.name: row.curves[name] for row in found.rows if name in row.curves}, colors, _title(name))
        figures.append(f"<figure>{svg}<figcaption>{_html(_title(name))}, by threshold</figcaption></figure>")
    return "".join(figures)


def _title(curve: str) -> str:
    return curve.replace("_", " ").capitalize()


def _published() -> str:
    lines = "".join(
        f"<tr><td>{_html(one.method)}</td><td>{_html(one.metric)}</td><td>{one.value:g} {_html(one.unit)}</td>"
        f"<td>{_html(one.conditions)}</td></tr>"
        for one in PUBLISHED
    )
    head = "<tr><th>Method</th><th>Metric</th><th>Figure</th><th>Measured on</th></tr>"
    return f'<p>{_html(WARNING)}</p><div class="wide"><table><thead>{head}</thead><tbody>{lines}</tbody></table></div>'


def _value(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return float(f"{value:.6g}") if math.isfinite(value) else "inf"


def script_json(data: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(found: Evaluation, photos: list[int], rows: list[str]) -> str:
    by_name: dict[str, Row] = {row.name: row for row in found.rows}
    values = {
        name: {
            column.name: [_value(float(by_name[name].per_picture[column.name][i])) for i in photos]
            for column in found.columns
            if name in by_name and column.name in by_name[name].per_picture
        }
        for name in rows
    }
    columns = [{"name": c.name, "title": c.title, "better": c.better.value, "digits": c.digits} for c in found.columns]
    gallery = found.gallery
    assert gallery is not None
    shapes = [gallery.shapes[i] for i in photos]
    names = [printable(found.names[i]) for i in photos]
    return script_json({"names": names, "rows": rows, "columns": columns, "values": values, "shapes": shapes})


def write_page(found: Evaluation) -> Iterator[bytes]:
    """The page of an evaluation that kept its pictures, in pieces of UTF-8."""
    gallery = found.gallery
    assert gallery is not None
    photos, rows = chosen_photos(found), gallery.rows
    colors = row_colors(rows)
    page = with_shared((files("colorize_cli.evaluation") / "page.html").read_text(encoding="utf-8"))
    parts = {
        "ABOUT": _about(found),
        "TABLE": _table(found, colors),
        "NOTES": _notes(found, len(photos)),
        "PLOTS": _plots(found, colors),
        "PUBLISHED": _published(),
        "DATA": _data(found, photos, rows),
    }
    before, after = page.split("<!--PICTURES-->")
    for name, text in parts.items():
        head, marker, tail = before.partition(f"<!--{name}-->")
        assert marker, name
        before = tail
        yield (head + text).encode()
    yield before.encode()
    for place, index in enumerate(photos):
        for number, row in enumerate(rows):
            data = base64.b64encode(gallery.read(row, index))
            yield f'<script type="text/plain" id="p{place}-{number}">'.encode() + data + b"</script>\n"
    yield after.encode()
