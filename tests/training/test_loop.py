"""Whole runs, small: what they write, how they end, that resuming equals not stopping."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from colorize_cli.errors import DataError, OutOfMemoryError, TrainingError, UsageError, WeightsError
from colorize_cli.models.checkpoint import read_info, read_tensors
from colorize_cli.models.discriminator_file import load_discriminator
from colorize_cli.models.load import load_model
from colorize_cli.training import loop
from colorize_cli.training.loop import Progress, Watcher
from colorize_cli.training.runs import check_new, latest_folder, next_folder, nothing_left_of_a_failure, read_run
from colorize_cli.training.state import load_state
from tests.data.pictures import encoded, grey
from tests.training.conftest import Run, tiny

GAN = {"kind": "gan", "network": "patchgan", "network_args": {"receptive": 16, "width": 4}}


def after(steps: int) -> Watcher:
    """Ends a run after so many looks at it."""
    left = [steps]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return Watcher(should_stop=stop)


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)  # type: ignore[arg-type]
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [1, 3])
def test_resuming_equals_not_stopping_bit_for_bit_in_mid_epoch(run: Run, tmp_path: Path, accumulate: int) -> None:
    config = tiny(
        accumulate=accumulate,
        discriminator={**GAN, "after": 1},
        ema=0.9,
        schedule="cosine",
        warmup=8,
        clip=1.0,
        terms=[{"loss": "l1", "weight": 100.0}],
    )
    run(tmp_path / "whole", config)
    part = tmp_path / "part"
    for steps in (6, 3):  # stopped in mid-epoch, twice: before and after the discriminator joins
        assert not run(part, config, after(steps)).finished
    assert 0 < load_state(part / "state.pt").done % 22 < 22
    assert run(part, config).finished
    whole, resumed = (load_state(folder / "state.pt") for folder in (tmp_path / "whole", part))
    for name in ("done", "generator", "ema", "ema_steps", "optimizer", "discriminator", "discriminator_optimizer"):
        assert same(getattr(whole, name), getattr(resumed, name)), name
    exported = [read_tensors(folder / "last.safetensors") for folder in (tmp_path / "whole", part)]
    assert same(exported[0], exported[1])


def test_the_state_of_an_older_run_is_read(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "r", tiny(epochs=1, discriminator=GAN))
    path = tmp_path / "r" / "state.pt"
    values = torch.load(path, weights_only=True)
    values["critic_optimizer"] = values.pop("discriminator_optimizer")
    torch.save(values, path)
    state = load_state(path)
    assert state.discriminator_optimizer and same(state.discriminator_optimizer, values["critic_optimizer"])


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_state(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(ema=0.9)
    run(tmp_path / "whole", config)
    monkeypatch.setattr(loop, "_SAVE_EVERY", 0.0)
    steps: list[int] = []

    def die(progress: Progress) -> None:
        steps.append(progress.done)
        if len(steps) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", config, Watcher(on_step=die))
    assert load_state(tmp_path / "killed" / "state.pt").done == steps[2]
    run(tmp_path / "killed", config)
    whole, resumed = (load_state(tmp_path / name / "state.pt") for name in ("whole", "killed"))
    assert same(whole.generator, resumed.generator) and same(whole.optimizer, resumed.optimizer)


def test_a_run_leaves_what_it_should(run: Run, tmp_path: Path) -> None:
    seen: list[Progress] = []
    out = tmp_path / "runs" / "tiny-1"
    result = run(out, tiny(discriminator=GAN, keep=True), Watcher(on_step=seen.append))
    assert result.finished and result.best == out / "best.safetensors"
    assert {file.name for file in out.glob("*.safetensors")} == {
        "best.safetensors", "last.safetensors", "discriminator.safetensors",
        "epoch-001.safetensors", "epoch-002.safetensors", "epoch-003.safetensors",
    }  # fmt: skip
    assert {file.stat().st_mode & 0o777 for file in out.glob("*.safetensors")} == {0o644}
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    wanted = {"D_fake", "D_real", "D", "G_GAN", "G_L1", "G", "psnr", "ssim", "colorfulness", "grey_psnr", "grey_ssim"}
    assert wanted <= set(rows[0])
    for row in rows:
        assert row["G"] == pytest.approx(row["G_GAN"] + row["G_L1"], abs=1e-5)
        assert row["D"] == pytest.approx((row["D_fake"] + row["D_real"]) / 2, abs=1e-5)
    sheets = sorted((out / "sheets").glob("*.png"))
    assert len(sheets) == 3 and cv2.imread(str(sheets[0])).shape == (2 * 16, 3 * 16, 3)
    info = read_info(out / "best.safetensors")
    assert (info.network, info.arguments["width"], info.recipe, info.data) == ("unet", 4, "tiny", "photos")
    assert info.figures["psnr"] == max(row["psnr"] for row in rows) or info.figures["psnr"] > 0
    assert load_discriminator(out / "discriminator.safetensors").kind == "gan"
    with pytest.raises(WeightsError, match="is a run's discriminator, which scores colors and makes none"):
        load_model(str(out / "discriminator.safetensors"))
    assert seen[-1].done == seen[-1].total and seen[-1].photos_per_s > 0
    assert read_run(out).data[0].endswith("photos") and read_run(out, ("epochs=9",)).config.epochs == 9
    with pytest.raises(UsageError, match="--resume"):
        check_new(out)
    assert next_folder("tiny", tmp_path / "runs") == tmp_path / "runs" / "tiny-2"
    assert latest_folder("tiny", tmp_path / "runs") == out
    with pytest.raises(UsageError, match="no run of other"):
        latest_folder("other", tmp_path / "runs")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gan", "lsgan", "ebgan", "wgan"])
def test_reconstruction_falls_in_every_gan(run: Run, tmp_path: Path, kind: str) -> None:
    networks = {"ebgan": ("autoencoder", {"width": 4, "depth": 2}), "wgan": ("dcgan", {"width": 4, "norm": "none"})}
    network, arguments = networks.get(kind, ("patchgan", {"receptive": 16, "width": 4}))
    discriminator = {
        "kind": kind,
        "network": network,
        "network_args": arguments,
        "discriminator_steps": 2 if kind == "wgan" else 1,
    }
    config = tiny(
        epochs=16 if kind == "wgan" else 8,
        discriminator=discriminator,
        terms=[{"loss": "l1", "weight": 100.0}, {"loss": "l2", "weight": 10.0}],
    )
    run(tmp_path / "r", config)
    rows = [json.loads(line) for line in (tmp_path / "r" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["G_L1"] < 0.8 * rows[0]["G_L1"]
    if kind == "wgan":
        discriminator = load_state(tmp_path / "r" / "state.pt").discriminator
        assert max(float(value.abs().max()) for value in discriminator.values()) <= 0.01 + 1e-7


def test_the_discriminator_waits_for_its_epoch(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "r", tiny(epochs=2, discriminator={**GAN, "after": 1}))
    first, second = (json.loads(line) for line in (tmp_path / "r" / "log.jsonl").read_text().splitlines())
    assert "D" not in first and "loss" in first and "D" in second


@pytest.mark.parametrize("term", ["l2", "rmse", "least_squares", "smooth_l1", "content"])
def test_every_term_trains(run: Run, tmp_path: Path, term: str) -> None:
    config = tiny(epochs=1, terms=[{"loss": term, "distance": "l1"}], content_weights="random", optimizer="adam")
    run(tmp_path / "r", config)
    assert json.loads((tmp_path / "r" / "log.jsonl").read_text())[f"G_{term.upper()}"] > 0


def test_colorunet_counts_its_palette_and_trains(run: Run, tmp_path: Path) -> None:
    arguments = {"widths": [4, 8], "colors": 6}
    config = tiny(
        epochs=4, generator="colorunet", generator_args=arguments, terms=[{"loss": "cross_entropy"}], vividness=[0.0]
    )
    run(tmp_path / "r", config)
    rows = [json.loads(line) for line in (tmp_path / "r" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["G_CE"] < rows[0]["G_CE"] and "psnr@0" in rows[0]
    assert float(read_tensors(tmp_path / "r" / "best.safetensors")["uv_palette"].abs().sum()) > 0


def test_init_starts_from_a_checkpoint(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "a", tiny(epochs=1))
    run(tmp_path / "b", tiny(epochs=1, lr=0.0, seed=9), init=str(tmp_path / "a" / "last.safetensors"))
    a, b = (read_tensors(tmp_path / name / "last.safetensors") for name in "ab")
    assert torch.equal(a["head.weight"], b["head.weight"])
    with pytest.raises(WeightsError, match="holds unet"):
        other = tiny(
            epochs=1, generator="colorunet", generator_args={"widths": [4, 8]}, terms=[{"loss": "cross_entropy"}]
        )
        run(tmp_path / "c", other, init=str(tmp_path / "a" / "last.safetensors"))


def test_a_time_limit_ends_cleanly(run: Run, tmp_path: Path) -> None:
    result = run(tmp_path / "r", tiny(epochs=500), time_limit=0.5)
    assert not result.finished and 0 < result.done < result.total
    assert (tmp_path / "r" / "best.safetensors").exists() and load_state(
        tmp_path / "r" / "state.pt"
    ).done == result.done


def test_no_number_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"is (nan|inf) at step") as caught:
        run(tmp_path / "r", tiny(lr=1e38, optimizer="sgd", epochs=9))
    assert "--lr" in str(caught.value)


def test_losses_are_logged_every_n_steps_on_a_gpu_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_LOOK_EVERY", {})  # as a device that is looked at every 20 steps
    run(tmp_path / "r", tiny(log_every=3))
    lines = [json.loads(line) for line in (tmp_path / "r" / "steps.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9, 12, 15]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_refuses_is_one_clear_line_and_leaves_the_last_state(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "r"
    run(out, tiny(epochs=1))
    before = (out / "state.pt").read_bytes()
    with files_of_at_most(20_000), pytest.raises(TrainingError, match=r"cannot write .*: File too large\n") as caught:
        run(out, tiny(epochs=2))
    assert "Free some space" in str(caught.value)
    assert (out / "state.pt").read_bytes() == before
    assert not list(out.glob("*.part")) and not list(out.glob(".*.part"))
    assert run(out, tiny(epochs=2)).finished


def test_a_run_that_fails_before_its_first_checkpoint_leaves_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("of the user")
    with pytest.raises(TrainingError, match="loss is"):
        run(tmp_path / "mine", tiny(lr=1e30, generator_args={"channels": 3, "width": 4, "depth": 3, "norm": "none"}))
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    assert run(tmp_path / "mine", tiny(epochs=1)).finished
    with pytest.raises(KeyboardInterrupt), nothing_left_of_a_failure(tmp_path / "beside", active=True, parts=["first"]):
        for folder in ("first", "sheets", "of-another"):
            (tmp_path / "beside" / folder).mkdir(parents=True)
        (tmp_path / "beside" / "run.json").write_text("{}")
        raise KeyboardInterrupt
    assert [file.name for file in (tmp_path / "beside").iterdir()] == ["of-another"]
    with files_of_at_most(20_000), pytest.raises(TrainingError, match="cannot write") as caught:
        run(tmp_path / "new" / "r", tiny(epochs=1))
    assert "Free some space, then begin anew." in str(caught.value)  # there is no state to go on from
    assert not (tmp_path / "new").exists()


def test_a_batch_too_large_for_memory_is_one_clear_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(loop.Trainer, "step", refuse)
    with pytest.raises(OutOfMemoryError, match="a batch of 4 pictures of 16 pixels") as caught:
        run(tmp_path / "r", tiny())
    assert "--batch 2" in str(caught.value)


def test_data_that_teaches_nothing_is_one_clear_line(run: Run, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="larger than the 22 photos"):
        run(tmp_path / "r", tiny(stages=[{"until": 1.0, "size": 16, "batch": 40}]))
    for file in photos.rglob("*.png"):
        file.write_bytes(encoded(grey(1)))
    with pytest.raises(DataError, match="24 grey"):
        run(tmp_path / "r", tiny())
    for file in photos.rglob("*.png"):
        file.unlink()
    with pytest.raises(DataError, match="no photo"):
        run(tmp_path / "r", tiny())


def test_weights_that_are_not_there_are_named_before_any_work(run: Run, tmp_path: Path) -> None:
    config = tiny(terms=[{"loss": "content"}], content_weights=str(tmp_path / "vgg.pth"))
    with pytest.raises(WeightsError, match="vgg.pth"):
        run(tmp_path / "r", config)
    with pytest.raises(UsageError, match="no pretrained encoder"):
        run(tmp_path / "r", tiny(encoder_weights="torchvision"))
    assert not (tmp_path / "r").exists()


def test_a_state_of_another_run_is_refused(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "r", tiny(epochs=1))
    with pytest.raises(TrainingError, match="another run"):
        run(tmp_path / "r", replace(tiny(epochs=2), generator_args={"channels": 2, "width": 8, "depth": 3}))
    (tmp_path / "r" / "state.pt").write_bytes(b"cut short")
    with pytest.raises(TrainingError, match="cannot read the run's state"):
        run(tmp_path / "r", tiny(epochs=2))


def test_a_prolonged_run_keeps_its_log(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "r", tiny(epochs=1))
    with (tmp_path / "r" / "log.jsonl").open("a") as file:
        file.write('{"samples": 99999, "epoch": 9}\n{"samp')  # of steps that a kill undid, and cut short
    run(tmp_path / "r", tiny(epochs=2))
    rows = [json.loads(line) for line in (tmp_path / "r" / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
