"""Exported checkpoints: what they say of themselves, that they load, where they can be sent."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from PIL import Image

from colorize_cli import __version__
from colorize_cli.data.named import NAMED
from colorize_cli.errors import DownloadError, TrainingError, UsageError
from colorize_cli.models.checkpoint import read_info
from colorize_cli.models.load import load_model
from colorize_cli.training.export_checkpoint import export, info_of, model_card, push_checkpoint
from colorize_cli.training.journal import Journal
from colorize_cli.training.outputs import build_generator
from tests.data.hub import serving
from tests.training.conftest import tiny

SMALL: dict[str, dict[str, object]] = {
    "unet": {"channels": 3, "width": 4, "depth": 3},
    "colorunet": {"widths": [4, 8], "colors": 5},
    "mini": {"widths": [8, 8, 8, 8], "encoder": [0, 0, 0, 1], "decoder": [0, 0, 0]},
    "eccv16": {"head": "ab"},
    "resunet18": {},
}
FIGURES = {
    "psnr": 24.5,
    "grey_psnr": 23.0,
    "ssim": 0.9,
    "grey_ssim": 0.89,
    "colorfulness": 20.0,
    "truth_colorfulness": 40.0,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_generators_checkpoint_loads_by_its_path_and_colors_alike(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = tiny(generator=name, generator_args=SMALL[name])
    generator = build_generator(name, {**SMALL[name], "classes": 3} if name == "mini" else SMALL[name])
    file = tmp_path / f"{name}.safetensors"
    export(file, generator.state_dict(), info_of(config, "photos", FIGURES), config)
    loaded = load_model(str(file))
    lightness = torch.rand(1, 1, 32, 32) * 100
    with torch.inference_mode():
        torch.testing.assert_close(loaded.generator.colorize(lightness), generator.eval().colorize(lightness))


def test_the_header_says_what_it_is(tmp_path: Path) -> None:
    config = tiny(generator_args=SMALL["unet"], export="float16")
    generator = build_generator("unet", SMALL["unet"])
    export(
        tmp_path / "x.safetensors",
        generator.state_dict(),
        info_of(config, "celeba", {**FIGURES, "odd": float("nan")}),
        config,
    )
    info = read_info(tmp_path / "x.safetensors")
    assert (info.network, info.arguments, info.recipe, info.data) == ("unet", SMALL["unet"], "tiny", "celeba")
    assert info.version == __version__ and info.figures == FIGURES


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    config = tiny(generator_args=SMALL["unet"])
    state = build_generator("unet", SMALL["unet"]).state_dict()
    with pytest.raises(TrainingError, match="cannot write"):
        export(tmp_path / "nowhere" / "x.safetensors", state, info_of(config, "", {}), config)


def exported(folder: Path) -> Path:
    config = tiny(generator_args=SMALL["unet"])
    export(
        folder / "best.safetensors",
        build_generator("unet", SMALL["unet"]).state_dict(),
        info_of(config, "celeba", FIGURES),
        config,
    )
    return folder / "best.safetensors"


def test_the_card_names_figures_and_terms(tmp_path: Path) -> None:
    card = model_card(exported(tmp_path), ["- CelebA: for research"])
    assert "| 24.50 | 23.00 |" in card and "CelebA: for research" in card and "tiny" in card and __version__ in card
    assert "Unknown" in model_card(tmp_path / "best.safetensors", [])


def test_push_sends_the_checkpoint_with_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = exported(tmp_path)
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        assert push_checkpoint(file, "u/m", ("celeba",)).startswith(hub.url)
        assert hub.created == ["u/m"]
        assert hub.uploaded["model.safetensors"] == file.read_bytes()
        card = hub.uploaded["README.md"].decode()
        assert "--model u/m" in card and str(NAMED["celeba"].terms) in card


def test_push_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    file = exported(tmp_path)
    with pytest.raises(UsageError, match="USER/REPO"):
        push_checkpoint(file, "no-user", ())
    with pytest.raises(UsageError, match="token"):
        push_checkpoint(file, "u/m", ())
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="cannot push to u/m"):
        push_checkpoint(file, "u/m", ())


def test_tensorboard_gets_the_figures_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float, int]] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            assert folder == str(tmp_path / "tensorboard")

        def add_scalar(self, name: str, value: float, step: int) -> None:
            told.append((name, value, step))

        def flush(self) -> None: ...

        def close(self) -> None: ...

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    journal = Journal(tmp_path, 0)
    journal.write({"samples": 40, "psnr@0": 20.5, "loss": float("inf")}, None)
    journal.close()
    assert told == [("samples", 40, 40), ("psnr/0", 20.5, 40)]


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A stand-in for Weights & Biases that keeps what it is told."""
    module = ModuleType("wandb")
    parts = vars(module)
    parts["login"], parts["begun"], parts["told"] = lambda prompt: prompt is False, [], []
    parts["Image"] = lambda picture: ("picture", picture.size)

    def init(**how: object) -> SimpleNamespace:
        parts["begun"].append(how)
        log = lambda values, step: parts["told"].append((step, values))  # noqa: E731
        return SimpleNamespace(log=log, finish=lambda: parts["told"].append("end"))

    parts["init"] = init
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    return module


def test_weights_and_biases_gets_figures_and_sheets(tmp_path: Path, wandb: ModuleType) -> None:
    sheet = io.BytesIO()
    Image.new("RGB", (7, 5)).save(sheet, "PNG")
    notes = list[str]()
    journal = Journal(tmp_path, 0, on_note=notes.append)
    assert len(notes) == 1 and notes[0].endswith("WANDB_MODE=disabled prevents it.")
    journal.step({"step": 1, "samples": 4, "G_L1": 0.5})
    journal.write({"samples": 8, "psnr": 20.5}, sheet.getvalue())
    journal.close()
    assert wandb.told == [
        (4, {"step/G_L1": 0.5}),
        (8, {"samples": 8, "psnr": 20.5}),
        (8, {"sheet": ("picture", (7, 5))}),
        "end",
    ]


def test_a_run_that_goes_on_is_one_there_and_another_of_its_name_is_two(tmp_path: Path, wandb: ModuleType) -> None:
    Journal(tmp_path, 0)
    Journal(tmp_path, 8)
    Journal(tmp_path, 0)  # the folder was used anew
    first, second, third = (how["id"] for how in wandb.begun)
    assert first == second != third
    assert all(how["name"] == tmp_path.name for how in wandb.begun)


def test_weights_and_biases_that_cannot_be_reached_stops_no_run(
    tmp_path: Path, wandb: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**how: object) -> None:
        raise RuntimeError("no route\nto api.wandb.ai")

    monkeypatch.setattr(wandb, "init", fails)
    notes: list[str] = []
    Journal(tmp_path, 0, notes.append).write({"samples": 4, "psnr": 20.5}, None)
    assert len(notes) == 1 and "Weights & Biases" in notes[0] and "no route" in notes[0] and "\n" not in notes[0]
    assert json.loads((tmp_path / "log.jsonl").read_text()) == {"samples": 4, "psnr": 20.5}


@pytest.mark.parametrize("key", ["of netrc", None])
def test_an_older_weights_and_biases_is_never_made_to_ask(tmp_path: Path, wandb: ModuleType, key: str | None) -> None:
    def login(anonymous: str = "never") -> bool:
        raise AssertionError("it would ask for a key")

    vars(wandb)["login"], vars(wandb)["api"] = login, SimpleNamespace(api_key=key)
    Journal(tmp_path, 0)
    assert bool(wandb.begun) == bool(key)


def test_who_is_not_logged_in_tells_weights_and_biases_nothing(tmp_path: Path, wandb: ModuleType) -> None:
    vars(wandb)["login"] = lambda prompt: False
    Journal(tmp_path, 0).write({"samples": 4, "psnr": 20.5}, None)
    assert not wandb.begun and not (tmp_path / "wandb-id.txt").exists()


def test_without_tensorboard_the_figures_still_go_to_jsonl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    Journal(tmp_path, 0).write({"samples": 40, "psnr": 20.5}, b"picture")
    assert json.loads((tmp_path / "log.jsonl").read_text()) == {"samples": 40, "psnr": 20.5}
    assert (tmp_path / "sheets" / "000000040.png").read_bytes() == b"picture"
