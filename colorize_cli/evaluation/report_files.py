"""An evaluation on disk: report.json for programs, report.csv for spreadsheets, report.html for people.

In:  `Evaluation`
Out: three files, each whole or not at all
"""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from colorize_cli.errors import printable
from colorize_cli.evaluation.human import HumanResults, HumanTest, write_human_page
from colorize_cli.evaluation.literature import PUBLISHED, WARNING
from colorize_cli.evaluation.page import write_page
from colorize_cli.evaluation.result import Evaluation, Row
from colorize_cli.evaluation.statistics import Figure
from colorize_cli.files.atomic import not_written, replacing


def _number(value: float | None) -> float | str | None:
    """A number as JSON can hold it: what is infinite becomes "inf" or "-inf", what is undefined null."""
    if value is None or math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def _figure(figure: Figure, truth: Figure | None) -> dict[str, float | str | None]:
    entry = {"mean": _number(figure.value), "low": _number(figure.low), "high": _number(figure.high)}
    if truth is not None:
        entry["minus_truth"] = _number(figure.value - truth.value)
    return entry


def _row(row: Row, truths: Mapping[str, Figure]) -> dict[str, Any]:
    figures = {name: _figure(figure, truths.get(name)) for name, figure in row.figures.items()}
    curves = {name: [_number(share) for share in shares] for name, shares in row.curves.items()}
    return {"name": row.name, "sha256": row.sha256, "figures": figures, "curves": curves}


def to_json(found: Evaluation) -> dict[str, Any]:
    """An evaluation as plain data: how it was measured, the table, each picture's values, published figures beside."""
    truths = next((row.figures for row in found.rows if row.name == "truth"), {})
    pictures = [
        {
            "name": name,
            "values": {
                row.name: {column: _number(float(values[i])) for column, values in row.per_picture.items()}
                for row in found.rows
            },
        }
        for i, name in enumerate(found.names)
    ]
    return {
        "settings": dict(found.settings),
        "versions": dict(found.versions),
        "photos": len(found.names),
        "grey_truths": list(found.grey_truths),
        "failed": [{"name": name, "reason": reason} for name, reason in found.failed],
        "no_partner": list(found.alone),
        "skipped_metrics": list(found.skipped),
        "notes": ["Means over photos, with 95 % bootstrap intervals.", *found.notes],
        "columns": [{**asdict(column), "better": column.better.value} for column in found.columns],
        "rows": [_row(row, truths) for row in found.rows],
        "pictures": pictures,
        "published": {"warning": WARNING, "figures": [asdict(figure) for figure in PUBLISHED]},
        "seconds": round(found.seconds, 3),
    }


def cell(name: str) -> str:
    """A name as a spreadsheet takes it: one line, and never a formula, which a leading quote prevents."""
    text = printable(name)
    return f"'{text}" if unicodedata.normalize("NFKC", text[:1]) in tuple("=+-@'") else text


def to_csv(found: Evaluation) -> str:
    """One line for each picture and row, one column for each metric; empty where there is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = [column.name for column in found.columns]
    writer.writerow(["picture", "row", *columns])
    for i, name in enumerate(found.names):
        for row in found.rows:
            values = [row.per_picture.get(column) for column in columns]
            writer.writerow(
                [cell(name), cell(row.name), *("" if value is None else f"{value[i]:.6g}" for value in values)]
            )
    return out.getvalue()


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file beside its place and rename it.

    Raises:
        EncodeError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part, part.open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise not_written(path, error) from error


def write_reports(found: Evaluation, out: Path) -> None:
    """Write the three reports into a folder.

    Raises:
        EncodeError: it cannot be written to.
    """
    text = json.dumps(to_json(found), ensure_ascii=False, indent=1, allow_nan=False)
    write_whole(out / "report.json", [text.encode("utf-8", "backslashreplace")])
    write_whole(out / "report.csv", [to_csv(found).encode("utf-8", "backslashreplace")])
    if found.gallery is not None:
        write_whole(out / "report.html", write_page(found))


def write_human_test(found: Evaluation, how: HumanTest, out: Path) -> Path:
    """Write the page of the real-or-fake test into a folder; returns its path.

    Raises:
        DataError: there is no model to be compared.
        EncodeError: the folder cannot be written to.
    """
    path = out / "human.html"
    write_whole(path, write_human_page(found, how))
    return path


def _share(figure: Figure) -> dict[str, float | str | None]:
    return {"taken_for_real": _number(figure.value), "low": _number(figure.low), "high": _number(figure.high)}


def answers_to_json(found: HumanResults) -> dict[str, Any]:
    """The results of the real-or-fake test as plain data; shares in [0, 1]."""
    return {
        "models": {model: {**_share(figure), "pairs": pairs} for model, (figure, pairs) in found.models.items()},
        "participants": [{**asdict(who), "fooled": _share(who.fooled)} for who in found.participants],
        "pictures": [
            {"picture": picture, "model": model, **_share(figure), "pairs": pairs}
            for picture, model, figure, pairs in found.pictures
        ],
        "failed": [{"file": name, "reason": reason} for name, reason in found.failed],
        "notes": list(found.notes),
    }
