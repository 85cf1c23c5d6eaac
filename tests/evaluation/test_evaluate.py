from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.cli.app import main
from colorize_cli.data.named import Access
from colorize_cli.errors import ColorizeError, DataError, DownloadError, UsageError
from colorize_cli.evaluation import metric_set
from colorize_cli.evaluation.columns import metrics_of, rank_metric
from colorize_cli.evaluation.evaluate import EvalSettings, evaluate
from colorize_cli.evaluation.protocol import Protocol
from colorize_cli.evaluation.report_files import to_csv, to_json
from colorize_cli.evaluation.truths import find_references


def _measure(**wanted):
    return evaluate(EvalSettings(**{"models": (), "metrics": ("psnr",), **wanted}))


@pytest.mark.slow
def test_grey_model_and_truth_are_rows_with_intervals(photos, checkpoint):
    found = _measure(models=(str(checkpoint),), metrics=("psnr", "ssim", "colorfulness", "delta_e"), data=str(photos))
    assert [row.name for row in found.rows] == ["grey", "run/small", "truth"]
    assert found.names == ["a.png", "b.png", "below/c.png"]
    grey, model, truth = found.rows
    assert set(grey.figures) == {"psnr", "ssim", "colorfulness", "delta_e"} and set(truth.figures) == {"colorfulness"}
    assert grey.figures["colorfulness"].value == pytest.approx(0, abs=1e-9)
    assert grey.figures["psnr"].low <= grey.figures["psnr"].value <= grey.figures["psnr"].high
    assert grey.figures["psnr"].value == pytest.approx(grey.per_picture["psnr"].mean())
    assert len(model.sha256) == 64 and grey.sha256 is None
    assert found.exit_status == 0


def test_the_same_job_gives_the_same_figures_however_photos_fall_into_batches(photos, checkpoint, monkeypatch):
    wanted = {"models": (str(checkpoint),), "data": str(photos), "metrics": ("psnr", "auc")}
    first = to_json(_measure(**wanted))
    monkeypatch.setattr("colorize_cli.evaluation.evaluate.BATCH", 1)
    second = to_json(_measure(**wanted))
    for figures in (first, second):
        figures.pop("seconds")
    np.testing.assert_equal(_rounded(first), _rounded(second))


def _rounded(node):
    if isinstance(node, dict):
        return {key: _rounded(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_rounded(value) for value in node]
    return round(node, 4) if isinstance(node, float) else node


def test_truths_without_color_are_dropped_and_counted(photos, write_picture, picture):
    write_picture(photos / "grey.png", np.repeat(picture(5)[..., :1], 3, 2))
    found = _measure(data=str(photos))
    assert found.grey_truths == ["grey.png"] and len(found.names) == 3
    assert "1 photo left out" in found.remarks[0]


def test_only_grey_truths_are_said(tmp_path, write_picture, picture):
    write_picture(tmp_path / "set" / "grey.png", np.repeat(picture(5)[..., :1], 3, 2))
    with pytest.raises(DataError, match="every truth in .* is grey"):
        _measure(data=str(tmp_path / "set"))


def test_a_corrupt_picture_is_named_and_the_rest_is_measured(photos):
    whole = (photos / "a.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "empty.jpg").write_bytes(b"")
    found = _measure(data=str(photos))
    assert [name for name, _ in found.failed] == ["cut.png", "empty.jpg"]
    assert len(found.names) == 3 and found.exit_status == 1


def test_a_folder_without_pictures_is_said(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(DataError, match="no photo in"):
        _measure(data=str(tmp_path))
    with pytest.raises(DataError, match='no data set "nowhere"'):
        _measure(data="nowhere")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"data": "nowhere"}, 'no data set "nowhere"'),
        ({"models": ["minni"]}, 'no model "minni"'),
        ({"models": ["mini+minni"]}, 'no model "minni"'),
        ({"models": ["gone.safetensors"]}, "no checkpoint gone.safetensors"),
        ({"ref": Path("nowhere"), "pred": [Path(".")]}, "no folder nowhere"),
        ({"ref": Path("."), "pred": [Path("nowhere")]}, "no folder nowhere"),
    ],
)
def test_what_is_not_there_is_said_before_weights_are_pulled_to_measure_by(photos, monkeypatch, settings, told):
    monkeypatch.setattr(metric_set, "find_metrics", lambda *_: pytest.fail("the metrics' weights were looked for"))
    with pytest.raises(ColorizeError, match=re.escape(told)):
        _measure(**{"data": str(photos), "metrics": ("lpips",), **settings})


def test_a_misspelt_data_set_gets_the_nearest_name():
    with pytest.raises(DataError, match='no data set "celbea". Did you mean "celeba"'):
        _measure(data="celbea")


def test_limit_draws_by_seed_and_keeps_the_order(photos):
    drawn = {seed: [one.name for one in find_references(str(photos), 2, seed)] for seed in range(8)}
    assert all(len(names) == 2 and names == sorted(names) for names in drawn.values())
    assert len({tuple(names) for names in drawn.values()}) > 1
    assert drawn[3] == [one.name for one in find_references(str(photos), 2, 3)]


def test_files_of_another_tool_are_measured_against_their_partners(photos, tmp_path, write_picture, picture):
    pred = tmp_path / "theirs"
    write_picture(pred / "a.png", picture(0))  # perfect
    write_picture(pred / "below" / "c.jpg", picture(2) // 2 + 30)  # another suffix
    write_picture(pred / "stray.png", picture(9))
    found = _measure(pred=(pred,), ref=photos, protocol=Protocol.native)
    assert [row.name for row in found.rows] == ["grey", "theirs"]
    assert found.names == ["a.png", "below/c.png"]
    assert found.row("theirs").per_picture["psnr"][0] == np.inf
    assert sorted(line.split(":")[0].rsplit("/", 1)[-1] for line in found.alone) == ["b.png", "stray.png"]
    assert '"inf"' in json.dumps(to_json(found), allow_nan=False)


def test_partners_of_different_size_are_one_line_each(photos, tmp_path, write_picture, picture):
    pred = tmp_path / "theirs"
    write_picture(pred / "a.png", picture(0))
    write_picture(pred / "b.png", picture(1, 20, 30))
    found = _measure(pred=(pred,), ref=photos, protocol=Protocol.native)
    assert found.names == ["a.png"] and found.exit_status == 1
    assert found.failed[0][0] == "b.png" and "30 x 20 and 56 x 40" in found.failed[0][1]


def test_a_corrupt_prediction_is_named(photos, tmp_path, write_picture, picture):
    pred = tmp_path / "theirs"
    write_picture(pred / "a.png", picture(0))
    (pred / "b.png").write_bytes(b"not a picture")
    found = _measure(pred=(pred,), ref=photos)
    assert found.failed[0][0] == "b.png" and "theirs/b.png: " in found.failed[0][1]


def test_deep_and_wide_gamut_truths_are_brought_to_srgb():
    from colorize_cli.color.spaces import SRGB, RgbSpace
    from colorize_cli.data.srgb_photo import to_srgb

    deep = np.asarray([[[0, 32896, 65535]]], np.uint16)
    assert to_srgb(deep, SRGB).tolist() == [[[0, 128, 255]]]
    assert to_srgb(deep[..., 1], SRGB).tolist() == [[[128, 128, 128]]]
    swapped = RgbSpace("swapped", tuple(row[::-1] for row in SRGB.xyz_from_rgb), SRGB.curves)
    assert to_srgb(np.asarray([[[10, 20, 200]]], np.uint8), swapped).tolist() == [[[200, 20, 10]]]


def test_known_data_sets_are_found_where_a_copy_is(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setattr("colorize_cli.data.terms._remembered", dict)
    with pytest.raises(UsageError, match="license"):
        find_references("coco")
    monkeypatch.setenv("COLORIZE_CONFIG", str(tmp_path))
    accepted = Access(accepted=True)
    with pytest.raises(DataError, match="no copy of imagenet"):
        find_references("imagenet", access=accepted)
    (tmp_path / "data" / "coco").mkdir(parents=True)
    photos.rename(tmp_path / "data" / "coco" / "val2017")
    (tmp_path / "data" / "coco" / "val2017" / "a.png").rename(tmp_path / "data" / "coco" / "val2017" / "a.jpg")
    assert len(find_references("coco", access=accepted)) >= 1


def test_a_known_data_set_that_is_not_here_is_brought_and_measured(
    write_picture, picture, tmp_path, monkeypatch, capsys
):
    def bring(file, folder, on_bytes):
        for name in ("Places365_val_00000001.jpg", "Places365_val_00000002.jpg"):
            write_picture(folder / "val_256" / name, picture(int(name[-5])))
        return folder

    def no_lists(*_):
        raise DownloadError("no lists today")

    monkeypatch.setattr("colorize_cli.data.named.bring_file", bring)
    monkeypatch.setattr("colorize_cli.data.named.bring_lists", no_lists)
    monkeypatch.setenv("COLORIZE_CONFIG", str(tmp_path))
    typed = ["eval", "--data", "places365", "--data-root", str(tmp_path / "sets"), "--metrics", "psnr", "--json"]
    assert main(typed) == 2 and "academic research" in capsys.readouterr().err
    assert main([*typed, "--accept-license"]) == 0
    assert json.loads(capsys.readouterr().out)["photos"] == 2


def test_pred_and_ref_go_together(photos):
    with pytest.raises(UsageError, match="--pred without --ref"):
        _measure(pred=(photos,))
    with pytest.raises(UsageError, match="--ref without --pred"):
        _measure(ref=photos)


def test_a_run_is_ranked(photos, checkpoint, save_small_mini):
    for seed in (1, 2):
        save_small_mini(checkpoint.parent / f"step{seed}.safetensors", seed)
    (checkpoint.parent / "discriminator.safetensors").write_bytes(b"no checkpoint")
    found = _measure(models=(str(checkpoint.parent),), data=str(photos), rank_by="delta_e")
    figures = [row.figures["delta_e"].value for row in found.rows]
    assert len(found.rows) == 4 and figures == sorted(figures)
    assert {row.name for row in found.rows} == {"grey", "run/small", "run/step1", "run/step2"}


def test_ranking_by_colorfulness_asks_who_is_nearest_to_the_truth(photos, checkpoint):
    found = _measure(models=(str(checkpoint),), data=str(photos), rank_by="colorfulness", vividness=1.0)
    away = [
        abs(row.figures["colorfulness"].value - found.row("truth").figures["colorfulness"].value) for row in found.rows
    ]
    assert away == sorted(away[:-1]) + [0] and found.rows[-1].name == "truth"


def test_rebalanced_area_is_the_weighted_sum_over_pixels(photos):
    found = _measure(data=str(photos), metrics=("auc", "raw_accuracy"))
    grey = found.row("grey")
    assert 0 < grey.figures["auc_rebalanced"].value < 100
    curve = grey.curves["raw_accuracy"]
    assert len(curve) == 151 and curve == sorted(curve) and curve[-1] <= 1
    assert grey.figures["accuracy@20"].value == pytest.approx(100 * curve[20], rel=1e-6)
    assert grey.figures["auc"].value == pytest.approx(100 * np.trapezoid(curve) / 150, rel=1e-6)


def test_photos_of_few_colors_have_a_rebalanced_accuracy_and_a_report(tmp_path, write_picture):
    ramp = np.linspace(30, 200, 64, dtype=np.uint8)
    sepia = np.stack(np.broadcast_arrays(ramp[None], ramp[:, None], ramp[None] // 2), 2)
    write_picture(tmp_path / "ref" / "a.png", np.ascontiguousarray(sepia))
    found = _measure(data=str(tmp_path / "ref"), metrics=("auc", "raw_accuracy"))
    figures = found.row("grey").figures
    assert 0 <= figures["accuracy@20_rebalanced"].value <= 100 and 0 < figures["auc_rebalanced"].value < 100
    json.dumps(to_json(found), allow_nan=False)


def test_csv_has_a_line_for_each_picture_and_row(photos):
    rows = list(csv.DictReader(to_csv(_measure(data=str(photos), metrics=("psnr", "colorfulness"))).splitlines()))
    assert [(row["picture"], row["row"]) for row in rows[:2]] == [("a.png", "grey"), ("a.png", "truth")]
    assert rows[1]["psnr"] == "" and float(rows[1]["colorfulness"]) > 10


def test_tar_archives_are_data(photos, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.add(photos, "photos")
    assert len(_measure(data=str(tmp_path / "set.tar")).names) == 3


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        (["--metrics", "psnr", "ssim"], 0),
        (["--metrics", "psnrr"], 2),
        (["--protocol", "square"], 2),
        (["--data", "nowhere"], 3),
        (["--model", "nothing.safetensors"], 3),
    ],
)
def test_exit_statuses(typed, status, checkpoint, capsys):
    models = [] if "--model" in typed else ["--model", str(checkpoint)]
    assert main(["eval", *models, "--limit", "1", *typed]) == status
    out = capsys.readouterr()
    assert ("grey" in out.out) == (status == 0)
    assert ("error:" in out.err) == (status != 0)


def test_command_prints_json_alone_on_stdout(photos, checkpoint, capsys):
    arguments = ["eval", "--data", str(photos), "--model", str(checkpoint), "--metrics", "psnr,delta_e", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in found["rows"]] == ["grey", "run/small"]
    assert found["settings"]["protocol"] == "center256"
    assert found["published"]["figures"]


@pytest.mark.slow
def test_grey_reproduces_the_protocols_figures_on_natural_photos(shared: Path):
    found = _measure(data=str(shared / "data" / "eval"), metrics=("psnr", "ssim", "colorfulness"), limit=60)
    grey, truth = found.row("grey").figures, found.row("truth").figures
    assert grey["psnr"].value == pytest.approx(22.6, abs=1.5)
    assert grey["ssim"].value == pytest.approx(0.922, abs=0.02)
    assert truth["colorfulness"].value == pytest.approx(40.8, abs=6)


def test_identical_pictures_are_left_out_of_the_mean_and_counted(photos, tmp_path, write_picture, picture):
    pred = tmp_path / "theirs"
    write_picture(pred / "a.png", picture(0))  # identical
    write_picture(pred / "below" / "c.png", picture(2) // 2 + 30)
    found = _measure(pred=(pred,), ref=photos, protocol=Protocol.native)
    row = found.row("theirs")
    assert row.figures["psnr"].value == row.per_picture["psnr"][1] < 60
    assert "theirs: 1 identical picture left out of the mean psnr." in found.notes


@pytest.mark.parametrize("protocol", [Protocol.resize256, Protocol.center256])
def test_files_of_another_size_are_resized_where_all_are_and_it_is_told(
    protocol, photos, tmp_path, write_picture, picture
):
    pred = tmp_path / "theirs"
    write_picture(pred / "a.png", np.ascontiguousarray(picture(0).repeat(2, 0).repeat(2, 1)))
    told = []
    found = evaluate(
        EvalSettings(pred=(pred,), ref=photos, models=(), metrics=("psnr",), protocol=protocol), on_notice=told.append
    )
    assert len(told) == 1 and "resized to the size of the reference" in told[0] and "a.png" in told[0]
    assert found.row("theirs").figures["psnr"].value > 40 and not found.failed
    with pytest.raises(DataError, match="differ in size"):
        _measure(pred=(pred,), ref=photos, protocol=Protocol.native)


def test_rows_are_ranked_by_one_metric() -> None:
    assert metrics_of(["psnr"], "ssim, ") == ["psnr", "ssim"] and rank_metric("psnr") == "psnr"
    for typed in ("psnr,ssim", ",", " "):
        with pytest.raises(UsageError, match="--rank-by .*: it takes one metric"):
            rank_metric(typed)
