"""`colorize train` as it is typed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from colorize_cli.cli import train as train_command
from colorize_cli.cli.app import main
from colorize_cli.cli.quantities import parse_duration
from colorize_cli.data.named import Access, terms_of
from colorize_cli.errors import UsageError
from colorize_cli.training import runs
from colorize_cli.training.journal import read_rows
from colorize_cli.training.prepare import split_photos
from colorize_cli.training.recipes import load_recipe, recipe_names
from colorize_cli.training.run_sources import open_sources
from tests.conftest import ROOT
from tests.data.pictures import write_folder

SMALL = (
    "--recipe",
    "patchgan-places",
    "--size",
    "16",
    "--batch",
    "4",
    "--workers",
    "0",
    "--device",
    "cpu",
    "--val",
    "0.1",
)
SET = ("generator_args={channels=2,width=4,depth=3}", "discriminator.network_args={receptive=16,width=4}", "epochs=2")


def arguments(*more: str) -> list[str]:
    return ["train", *SMALL, *(part for one in SET for part in ("--set", one)), *more]


def test_a_folder_is_learned_from_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = write_folder(tmp_path / "photos", 24)
    assert main(arguments("--data", str(photos))) == 0
    run = tmp_path / "runs" / "patchgan-places-1"
    assert (run / "best.safetensors").exists()
    said = capsys.readouterr()
    assert "22 photos to learn from, 2 to measure on" in said.err and "--model runs/patchgan-places-1" in said.err
    assert said.out == ""
    assert main(["train", "--resume", "--set", "epochs=3", "--device", "cpu"]) == 0
    assert [json.loads(line)["epoch"] for line in (run / "log.jsonl").read_text().splitlines()] == [1, 2, 3]
    assert main(arguments("--data", str(photos), "--time-limit", "0")) == 0
    assert (tmp_path / "runs" / "patchgan-places-2").exists()
    assert "--resume --out runs/patchgan-places-2" in capsys.readouterr().err
    assert main(arguments("--data", str(photos), "--out", str(run))) == 2


def test_a_run_that_gets_no_better_says_why_it_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = write_folder(tmp_path / "photos", 24)
    more = ("--data", str(photos), "--out", str(tmp_path / "r"), "--epochs", "9", "--lr", "0", "--best-by", "psnr")
    assert main(arguments(*more, "--set", "patience=1", "--set", "generator_args.norm=none")) == 0
    assert "Ended early, after 1 checkpoint without a better one." in capsys.readouterr().err


def test_samples_need_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments("--data", "samples", "--quiet", "--out", "r", "--set", "epochs=1")) == 0
    assert json.loads((tmp_path / "r" / "run.json").read_text())["data"] == ["samples"]


def test_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--list-recipes"]) == 0
    said = capsys.readouterr().out
    assert "cgan-celeba" in said and "mini" in said and "patchgan-places" in said
    assert main(["train", "--list-recipes", "--recipe", "cgan-celeba"]) == 0
    said = capsys.readouterr().out
    for fact in (
        "Raj",
        "train_photos",
        "8000",
        "section 2: 80 %",
        "discriminator.kind",
        "generator_args.dropout",
        "workers",
    ):
        assert fact in said
    assert main(["train", "--list-recipes", "--recipe", "cgan-celeba", "--lr", "0.00123", "--batch", "5"]) == 0
    said = capsys.readouterr().out
    assert re.search(r" lr +0\.00123 +changed by you", said) and re.search(r"stages\.0\.batch +5 +changed by you", said)
    assert said.count("changed by you") == 2


def test_a_recipe_is_saved_with_its_changes_and_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in recipe_names():
        file = tmp_path / f"{name}.toml"
        assert main(["train", "--recipe", name, "--lr", "3e-5", "--seed", "7", "--save-recipe", str(file)]) == 0
        own = load_recipe(name)
        changed = {"seed": "changed by you"} | ({"lr": "changed by you"} if own.lr != 3e-5 else {})
        assert load_recipe(str(file)) == replace(own, lr=3e-5, seed=7, sources={**own.sources, **changed})
        lines = file.read_text().splitlines()
        assert all(any(line.startswith(f'"{key}" = ') for line in lines) for key in own.sources)
    assert main(["train", "--recipe", "mini", "--lr", "1", "--save-recipe", str(file)]) == 2
    assert "is there already, and differs" in capsys.readouterr().err and load_recipe(str(file)).lr == 3e-5
    assert main(["train", "--recipe", name, "--lr", "3e-5", "--seed", "7", "--save-recipe", str(file)]) == 0
    assert main(["train", "--recipe", "mini", "--save-recipe", str(tmp_path / "mini.json")]) == 2
    assert "must end in .toml" in capsys.readouterr().err


def test_the_state_of_a_checkout_is_read_without_writing_into_it() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    named = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--git-path", "index"], capture_output=True, text=True, check=True
    )
    index = ROOT / named.stdout.strip()
    os.utime(ROOT / "colorize_cli" / "training" / "runs.py")  # git would write down its new time
    before = index.stat()
    found = runs.git_state(ROOT)
    assert found is not None and len(found["commit"]) == 40
    assert (index.stat().st_mtime_ns, index.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_run_is_itself_a_recipe(tmp_path: Path) -> None:
    photos = write_folder(tmp_path / "photos", 24)
    assert main(arguments("--data", str(photos), "--out", str(tmp_path / "r"), "--set", "epochs=1", "--seed", "5")) == 0
    run = tmp_path / "r" / "run.json"
    made = json.loads(run.read_text())["made"]
    assert made["versions"]["torch"] and made["command"] and made["device"].startswith("cpu, fp32")
    config = load_recipe(str(run))
    assert config.seed == 5 and config.epochs == 1 and config.recipe == "patchgan-places"
    assert main(["train", "--recipe", str(run), "--out", str(tmp_path / "s"), "--quiet", "--device", "cpu"]) == 0
    logs = [read_rows(tmp_path / name / "log.jsonl")[-1]["psnr"] for name in ("r", "s")]
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    ("typed", "status", "message"),
    [
        (["--data", "celeba"], 2, "--accept-license"),
        (["--recipe", "colorunet", "--data", "imagenet", "--accept-license"], 3, "image-net.org"),
        (["--recipe", "colorunet", "--data", "nosuch"], 3, "samples, celeba"),
        (["--recipe", "nosuch", "--data", "samples"], 2, "unet-celeba"),
        (["--recipe", "eccv16-vgg", "--data", "samples", "--content-weights", "/no/vgg.pth"], 3, "/no/vgg.pth"),
        (["--data", "samples", "--content-weights", "random"], 2, "mini has no content loss"),
        (["--data", "samples", "--recipe", "unet-celeba", "--set", "discriminator.lr=1e-4"], 2, "has no discriminator"),
        (["--data", "samples", "--out", __file__], 2, "is a file"),
        (["--data", "samples", "--out", f"{__file__}/below"], 2, "is a file"),
        (["--recipe", "unet-celeba", "--data", "samples", "--size", "80"], 2, "generator_args.depth=4"),
        ([], 2, "--data"),
        (["--data", "samples", "--time-limit", "soon"], 2, "45m"),
        (["--resume"], 2, "no run"),
        (["--data", "samples", "--device", "mps"], 2, "cpu"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_or_two(
    typed: list[str], status: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert main(["train", *typed]) == status
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("typed", "status", "message"),
    [
        (["--data", "kaggle-colorization"], 3, "kaggle-colorization/train_color/"),
        (["--data", "coco"], 2, "--accept-license"),
        (["--recipe", "resunet-coco", "--data", "cocoo"], 3, 'Did you mean "coco"?'),
        (["--recipe", "vggunet-places", "--data", "imagenet", "--accept-license"], 3, "image-net.org"),
    ],
)
def test_no_weights_are_pulled_for_data_that_cannot_be_had(
    typed: list[str], status: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def pull(*_: object) -> None:
        raise AssertionError("weights were asked for first")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    monkeypatch.setattr("colorize_cli.training.prepare.needed_files", pull)
    assert main(["train", *typed, "--device", "cpu"]) == status
    assert message in capsys.readouterr().err and not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "address", "layout"),
    [
        ("celeba", "mmlab.ie.cuhk.edu.hk/projects/CelebA.html", "celeba/img_align_celeba/*.jpg"),
        ("places365", "places2.csail.mit.edu/download.html", "places365/data_256_standard/"),
        ("coco", "cocodataset.org/#download", "coco/train2017/"),
        ("imagenet", "image-net.org/download", "imagenet/train/n01440764/*.JPEG"),
        ("kaggle-colorization", "kaggle.com/datasets/aayush9753/image-colorization-dataset", "train_color/"),
    ],
)
def test_offline_each_data_set_says_where_it_is_to_be_had_and_how_it_is_laid_out(
    name: str, address: str, layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    typed = ["train", "--data", name, "--device", "cpu"]
    if terms_of(name) is not None:
        assert main(typed) == 2 and "--accept-license" in capsys.readouterr().err  # first
    assert main([*typed, "--accept-license"]) == 3
    said = capsys.readouterr().err
    assert address in said and layout in said and "--data-root DIR" in said
    assert not (tmp_path / "runs").exists()


def test_durations() -> None:
    assert [parse_duration(text, "--time-limit") for text in ("45m", "1h30m", "90s", "12", "1.5h")] == [
        2700,
        5400,
        90,
        12,
        5400,
    ]
    for text in ("soon", "5x", "m", "-3s"):
        with pytest.raises(UsageError):
            parse_duration(text, "--time-limit")


@pytest.mark.slow
def test_an_interrupted_run_ends_after_its_step_and_goes_on(tmp_path: Path) -> None:
    photos = write_folder(tmp_path / "photos", 24)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    typed = arguments("--data", str(photos), "--out", str(tmp_path / "r"), "--set", "epochs=100000")
    command = [sys.executable, "-m", "colorize_cli", *typed]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (tmp_path / "r" / "log.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Ended early" in said and (tmp_path / "r" / "state.pt").exists()


def test_ctrl_c_while_photos_are_surveyed_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def survey(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the survey went on")

    monkeypatch.setattr("colorize_cli.training.loop.open_sources", survey)
    photos = write_folder(tmp_path / "photos", 4)
    assert main(arguments("--data", str(photos), "--out", str(tmp_path / "r"))) == 130
    said = capsys.readouterr().err
    assert "after this step" not in said and said.endswith("Interrupted.\n") and not (tmp_path / "r").exists()


def test_a_signal_that_torchrun_passes_on_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    with train_command._stopping([Path("run")]) as asked:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)  # torchrun's own
        assert asked == [signal.SIGINT]
        monkeypatch.setattr(train_command, "_PASSED_ON", 0.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    monkeypatch.undo()
    with train_command._stopping([Path("run")]), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_what_contradicts_a_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos, other = write_folder(tmp_path / "photos", 24), write_folder(tmp_path / "other", 4)
    assert main(arguments("--data", str(photos), "--time-limit", "0")) == 0
    run = "runs/patchgan-places-1"
    state = (tmp_path / run / "state.pt").read_bytes()
    capsys.readouterr()
    for typed, says in (
        (["--data", str(other)], f"learns from {photos}, not from {other}"),
        (["--data", "samples"], f"learns from {photos}, not from samples"),
        (["--data", str(photos), "--data", str(other)], f"not from {photos}, {other}"),
        (["--recipe", "mini"], "is of recipe patchgan-places, not mini"),
        (["--set", "lr=1"], "has lr = 0.0002, not 1.0"),
        (["--set", "seed=7"], "has seed = 0, not 7"),
        (["--set", "generator=mini"], "has generator = "),
        (["--set", "terms.0.weight=3"], "has other terms"),
        (["--size", "48"], "has other stages"),
        (["--batch", "3"], "has other stages"),
        (["--limit", "3"], "has limit = "),
        (["--val", "0.4"], "has val = 0.1, not 0.4"),
        (["--init", "mini"], "--init begins a run"),
    ):
        assert main(["train", "--resume", "--out", run, "--device", "cpu", *typed]) == 2, typed
        said = capsys.readouterr().err
        assert says in said and "Traceback" not in said, said
    assert (tmp_path / run / "state.pt").read_bytes() == state
    same = ["--data", str(photos), "--recipe", "patchgan-places", "--val", "0.1", "--set", "epochs=2", "--workers", "0"]
    assert main(["train", "--resume", "--out", run, "--device", "cpu", *same]) == 0


def test_mini_learns_from_celebas_training_photos_alone(tmp_path: Path) -> None:
    config = load_recipe("mini")
    photos = write_folder(tmp_path / "set" / "img_align_celeba", 12)
    names = []
    for number, file in enumerate(sorted(path for path in photos.rglob("*") if path.is_file())):
        names.append(file.rename(photos / f"{number + 1:06}{file.suffix}").name)
    parts = [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2]
    rows = "".join(f"{name} {part}\n" for name, part in zip(names, parts, strict=True))
    (tmp_path / "set" / "list_eval_partition.txt").write_text(rows)
    for place in (tmp_path / "set", photos):
        found = open_sources(config, (str(place),), Access())
        training, held = split_photos(found, config)
        assert sorted(found.names[i].rpartition("/")[2] for i in training) == names[:6]
        assert sorted(found.names[i].rpartition("/")[2] for i in held) == names[6:8]
