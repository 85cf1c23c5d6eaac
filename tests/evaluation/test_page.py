from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from colorize_cli.cli import console
from colorize_cli.cli.figures import _blocks, show_table
from colorize_cli.evaluation.columns import Better, Column
from colorize_cli.evaluation.evaluate import EvalSettings, evaluate
from colorize_cli.evaluation.page import chosen_photos, script_json, write_page
from colorize_cli.evaluation.plots import curves, distribution
from colorize_cli.evaluation.report_files import write_reports
from colorize_cli.evaluation.result import Evaluation, Row
from colorize_cli.evaluation.statistics import Figure, bootstrap_mean
from colorize_cli.evaluation.thumbnails import Gallery, make_small

NASTY = "<img src=x onerror=alert(1)>&amp;\"'.png"


def _made_up(count: int, models: int = 1, side: int = 256) -> Evaluation:
    """An evaluation of photos of noise, every `model 1` figure of which is its photo's number."""
    rng = np.random.default_rng(0)
    rows = ["grey", *(f"model {i + 1}" for i in range(models)), "truth"]
    gallery = Gallery(rows)
    blocks = torch.from_numpy(rng.integers(0, 256, (8, 3, side // 8, side // 8), dtype=np.uint8)).float()
    blocks = torch.nn.functional.interpolate(blocks, scale_factor=8, mode="bilinear")
    grain = torch.from_numpy(rng.normal(0, 12, blocks.shape)).float()
    noisy = (blocks + grain).clamp(0, 255)
    for row in rows:  # eight pictures are encoded, and stand again and again
        gallery.add(row, make_small(noisy))
        gallery._places[row] = (gallery._places[row] * (count // 8 + 1))[:count]
    gallery.shapes = (gallery.shapes * (count // 8 + 1))[:count]
    columns = [Column("psnr", "PSNR", "dB", Better.up, 2), Column("delta_e", "ΔE00", "", Better.down, 2)]
    table = []
    for k, row in enumerate(rows):
        values = {c.name: np.arange(count) * 1.0 + k for c in columns} if row != "truth" else {}
        sha256 = "0123456789abcdef" * 4 if row.startswith("model") else None
        table.append(Row(row, sha256, {name: bootstrap_mean(v, resamples=9) for name, v in values.items()}, values))
    names = [f"photo {i:04}.png" for i in range(count)]
    names[0] = NASTY
    return Evaluation({"protocol": "center256"}, {}, columns, table, names, [], [], [], [], [], gallery)


def _write(found: Evaluation, path: Path) -> Path:
    path.write_bytes(b"".join(write_page(found)))
    return path


def _first(chromium) -> str:
    return chromium.run("document.querySelector('.card h3').textContent")


def _choose(chromium, control: str, value: str) -> None:
    chromium.run(
        f"(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('change')) }})(document.getElementById('{control}'))"
    )


def test_page_opens_sorts_and_slides(chromium, tmp_path):
    chromium.open(_write(_made_up(40, models=2), tmp_path / "report.html"))
    chromium.wait_for("document.querySelector('.card .tile:not(.still) img').naturalWidth === 256")
    assert _first(chromium) == NASTY  # the lowest PSNR is the worst
    _choose(chromium, "order", "best")
    assert _first(chromium) == "photo 0039.png"
    _choose(chromium, "metric", "delta_e")
    assert _first(chromium) == NASTY  # the lowest difference is the best
    assert chromium.run("document.querySelectorAll('.card')[0].querySelectorAll('.tile').length") == 4
    slide = "(s => {{ s.value = {0}; s.dispatchEvent(new Event('input')) }})(document.querySelector('.card input'))"
    clips = (
        "[...document.querySelector('.card input').parentElement.querySelectorAll('img')].map(i => i.style.clipPath)"
    )
    for position, predicted, truth in ((0, 100, 100), (50, 50, 100), (100, 0, 100), (150, 0, 50), (200, 0, 0)):
        chromium.run(slide.format(position))
        shown = [clip.replace("0px", "0").replace("0%", "0") for clip in chromium.run(clips)[1:]]
        wanted = [f"inset(0px {right}% 0px 0px)".replace("0px", "0").replace("0%", "0") for right in (predicted, truth)]
        assert shown == wanted
    assert chromium.run("document.querySelectorAll('svg').length") == 2
    assert chromium.complaints() == []


def test_names_are_text_not_markup(chromium, tmp_path):
    chromium.open(_write(_made_up(3), tmp_path / "report.html"))
    chromium.wait_for("document.querySelector('.card h3')")
    assert chromium.run("document.querySelectorAll('h3 img').length") == 0
    assert _first(chromium) == NASTY
    chromium.run("(e => { e.value = '0002'; e.dispatchEvent(new Event('input')) })(document.getElementById('find'))")
    assert _first(chromium) == "photo 0002.png"
    assert chromium.complaints() == []


def test_page_fits_a_phone(chromium, tmp_path):
    chromium.open(_write(_made_up(12), tmp_path / "report.html"), 360, 740, mobile=True)
    chromium.wait_for("document.querySelector('.card .tile:not(.still) img').naturalWidth > 0")
    assert chromium.run("document.documentElement.scrollWidth") <= 360
    assert chromium.run("document.querySelector('.tile:not(.still) .stack').getBoundingClientRect().width") > 250


@pytest.mark.slow
def test_a_thousand_photos_paint_soon_and_load_lazily(chromium, tmp_path):
    page = _write(_made_up(1000), tmp_path / "report.html")
    chromium.open(page)
    paint = chromium.run("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 3000, f"first paint after {paint:.0f} ms, {page.stat().st_size >> 20} MiB"
    assert chromium.run("document.querySelectorAll('.card').length") < 100
    before = chromium.run("document.querySelectorAll('.card').length")
    chromium.run("window.scrollTo(0, document.body.scrollHeight)")
    chromium.wait_for(f"document.querySelectorAll('.card').length > {before}")
    chromium.run("pinned = document.querySelector('.card:last-child'); pinned.scrollIntoView()")
    chromium.wait_for("[...pinned.querySelectorAll('img')].every(i => i.naturalWidth > 0)")
    assert chromium.complaints() == []


def test_reports_of_a_real_evaluation(chromium, photos, checkpoint, tmp_path):
    (photos / "a.png").rename(photos / "a & <b>.png")
    found = evaluate(EvalSettings(models=(str(checkpoint),), data=str(photos), metrics=("psnr", "auc"), gallery=True))
    write_reports(found, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["report.csv", "report.html", "report.json"]
    chromium.open(tmp_path / "out" / "report.html")
    chromium.wait_for("document.querySelector('.card img').naturalWidth === 256")
    rows = chromium.run("[...document.querySelectorAll('tbody')[0].rows].map(r => r.cells[0].textContent)")
    assert rows == ["grey", "run/small"]
    assert chromium.complaints() == []


def test_json_in_a_script_cannot_end_it():
    assert "</script" not in script_json({"name": "</script><script>alert(1)</script>"})


def test_of_very_many_photos_the_worst_and_the_best_are_shown(monkeypatch):
    monkeypatch.setattr("colorize_cli.evaluation.page.MOST_PHOTOS", 4)
    assert chosen_photos(_made_up(20, side=16)) == [0, 1, 18, 19]


def test_a_distribution_needs_values(monkeypatch):
    assert distribution({"grey": np.asarray([np.inf, np.nan])}, {"grey": "#888"}, "PSNR", 2) == ""
    assert distribution({"grey": np.asarray([1.0, 1.0])}, {"grey": "#888"}, "PSNR", 2).startswith("<svg")


def test_accuracy_curves_are_lines_of_every_row():
    svg = curves({"grey": [0.0, 0.5, 1.0], "mini": [0.2, 0.7, 1.0]}, {"grey": "#888", "mini": "#00f"}, "Raw accuracy")
    assert svg.count("<polyline") == 2 and "0.0,82.0 120.0,44.0 240.0,6.0" in svg and "Raw accuracy" in svg


def test_a_wide_table_is_printed_in_blocks_that_break_no_number():
    columns = [Column(f"metric{i}", f"Metric {i}", "dB", Better.up, 4) for i in range(12)]
    figures = {column.name: Figure(123.45678, 120.0, 126.0) for column in columns}
    rows = [SimpleNamespace(name=name, figures=figures) for name in ("grey", "a-model-of-a-long-name")]
    blocks = _blocks(SimpleNamespace(columns=columns, rows=rows), 80)
    assert [column for block in blocks for column in block] == columns and len(blocks) > 1
    widest = len("120.0000–126.0000") + 2
    assert all(len(block) * widest + 22 <= 80 for block in blocks)


def test_a_wide_table_breaks_no_name_that_fits_beside_a_figure():
    column = Column("psnr", "PSNR", "dB", Better.up, 2)
    figures = {"psnr": Figure(23.45, 20.1, 26.3)}
    name = "ddcolor-artistic+deoldify-stable-of-1990"
    found = SimpleNamespace(
        columns=[column] * 3,
        rows=[SimpleNamespace(name=each, figures=figures) for each in ("grey", name)],
        names=["a.png"], settings={}, notes=[], remarks=[], failed=[],
    )  # fmt: skip
    with console.stdout.capture() as shown:
        width, console.stdout.width = console.stdout.width, 64
        try:
            show_table(found)
        finally:
            console.stdout.width = width
    lines = shown.get().splitlines()
    assert sum(name in line for line in lines) == 3 and max(map(len, lines)) <= 64
    assert sum("23.45" in line for line in lines) == 6 and sum("20.10–26.30" in line for line in lines) == 6
