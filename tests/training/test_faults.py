"""What goes wrong in a run, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from colorize_cli.cli.app import main
from colorize_cli.data.named import Access
from colorize_cli.errors import OutOfMemoryError, TrainingError, UsageError
from colorize_cli.models.checkpoint import read_info, read_tensors
from colorize_cli.training import batch_memory, damage_training, loop, prepare, step
from colorize_cli.training.batch_memory import check_memory
from colorize_cli.training.best import best_by, score_of
from colorize_cli.training.journal import read_rows
from colorize_cli.training.launchers import launched
from colorize_cli.training.loop import Watcher
from colorize_cli.training.outputs import build_generator
from colorize_cli.training.placement import clear_memory_error, make_accelerator
from colorize_cli.training.prepare import validated
from colorize_cli.training.recipes import load_recipe, recipe_names
from colorize_cli.training.schedule import Turn
from colorize_cli.training.state import RunState, load_state, save_state
from tests.training.conftest import Run, tiny


def test_a_loss_that_is_no_number_changes_no_weight_and_is_in_no_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "r", tiny(epochs=1))
    before = load_state(tmp_path / "r" / "state.pt")
    weights = (tmp_path / "r" / "last.safetensors").read_bytes()
    whole = step.RECONSTRUCTION["l1"]
    monkeypatch.setitem(step.RECONSTRUCTION, "l1", lambda preds, target: whole(preds, target) * torch.nan)  # type: ignore[index]
    with pytest.raises(TrainingError, match="loss is nan at step 5, after 22 samples") as caught:
        run(tmp_path / "r", tiny(epochs=2))
    # a run is resumed with its own rate alone, and would come to the same NaN: the hint must not send the user there
    assert "--resume" not in str(caught.value.hint) and f"--init {tmp_path / 'r' / 'last.safetensors'}" in str(
        caught.value.hint
    )
    after = load_state(tmp_path / "r" / "state.pt")
    assert after.done == before.done
    assert (tmp_path / "r" / "last.safetensors").read_bytes() == weights
    monkeypatch.undo()


def test_resume_goes_back_to_the_last_state_that_is_finite_and_says_so(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "r", tiny(epochs=2))
    state = load_state(tmp_path / "r" / "state.pt")
    assert load_state(tmp_path / "r" / "state-before.pt").done == 22
    key = next(iter(state.generator))
    state.generator[key][0] = torch.nan
    torch.save(vars(state), tmp_path / "r" / "state.pt")
    notes: list[str] = []
    result = run(tmp_path / "r", tiny(epochs=3), access=Access(on_note=notes.append))
    assert result.finished and result.done == 66
    assert len(notes) == 1 and "NaN" in notes[0] and "22 photos into the run" in notes[0]
    exported = read_tensors(tmp_path / "r" / "last.safetensors")
    assert all(bool(torch.isfinite(value).all()) for value in exported.values())


def test_a_state_with_no_number_is_never_written(tmp_path: Path) -> None:
    good = RunState(1, {"a": torch.zeros(2)}, {}, 0, {})
    save_state(good, tmp_path / "state.pt")
    with pytest.raises(TrainingError, match=r"generator\.a holds NaN"):
        save_state(RunState(2, {"a": torch.tensor([1.0, torch.inf])}, {}, 0, {}), tmp_path / "state.pt")
    assert load_state(tmp_path / "state.pt").done == 1


def test_weights_that_grow_without_limit_are_in_no_checkpoint(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "r"
    with pytest.raises(TrainingError, match="NaN or infinite numbers.*no checkpoint is written") as caught:
        run(out, tiny(lr=1e30, stages=[{"until": 1.0, "size": 16, "batch": 20}]))  # a step an epoch
    assert "--lr" in str(caught.value.hint) and "--init" not in str(caught.value.hint)
    assert not list(out.glob("*.safetensors")) and not (out / "state.pt").exists()


def test_a_checkpoint_is_checked_before_any_of_its_files_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "r"
    run(out, tiny(epochs=1))
    before = {file.name: file.read_bytes() for file in out.glob("*.safetensors")}
    step_of = step.Trainer.step

    def spoiled(trainer: step.Trainer, *arguments: object) -> dict[str, torch.Tensor]:
        losses = step_of(trainer, *arguments)  # type: ignore[arg-type]
        with torch.no_grad():
            next(trainer.generator.parameters()).fill_(torch.inf)
        return losses

    monkeypatch.setattr(step.Trainer, "step", spoiled)
    one_step = tiny(epochs=2, stages=[{"until": 1.0, "size": 16, "batch": 4}], every=4)
    with pytest.raises(TrainingError, match="generator.* holds NaN or infinite numbers") as caught:
        run(out, one_step)
    assert f"--init {out / 'last.safetensors'}" in str(caught.value.hint)
    assert {file.name: file.read_bytes() for file in out.glob("*.safetensors")} == before


def test_a_batch_that_cannot_fit_is_refused_before_the_data(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_memory, "available_memory", lambda: 4_000_000_000)
    monkeypatch.setattr("colorize_cli.training.loop.open_sources", lambda *_: pytest.fail("the data were opened"))
    with pytest.raises(OutOfMemoryError, match="a batch of 200000 pictures of 64 pixels") as caught:
        run(tmp_path / "r", tiny(stages=[{"until": 1.0, "size": 64, "batch": 200_000}]))
    assert "--batch " in str(caught.value.hint) and not (tmp_path / "r").exists()


@pytest.mark.slow
def test_the_estimate_of_memory_grows_with_the_batch_and_every_recipe_has_one() -> None:
    for name in recipe_names():
        config = validated(load_recipe(name))
        fixed, activations = batch_memory.needed(config)
        assert 0 < fixed < 10e9, name
        small = 128 if name != "mini" else 96
        assert 0 < activations(small) < activations(2 * small), name
    check_memory(tiny(), torch.device("cpu"))


def test_gathering_gradients_is_one_batch_of_both(run: Run, tmp_path: Path) -> None:
    plain = {
        "generator_args": {"channels": 2, "width": 4, "depth": 2, "norm": "none", "dropout": 0.0},
        "optimizer": "sgd",
    }
    plain |= {"epochs": 0, "steps": 0, "samples": 16, "sampling": "sources", "lr": 0.1}
    large = tiny(**plain, stages=[{"until": 1.0, "size": 16, "batch": 8}])
    small = tiny(**plain, stages=[{"until": 1.0, "size": 16, "batch": 4}], accumulate=2)
    run(tmp_path / "large", large)
    run(tmp_path / "small", small)
    first, second = (read_tensors(tmp_path / name / "last.safetensors") for name in ("large", "small"))
    for key, value in first.items():
        torch.testing.assert_close(second[key], value, atol=2e-6, rtol=1e-4)


def test_the_same_run_twice_is_the_same_when_it_must_be(run: Run, tmp_path: Path) -> None:
    config = tiny(epochs=1, deterministic=True)
    for name in ("a", "b"):
        run(tmp_path / name, config)
    assert torch.are_deterministic_algorithms_enabled()
    first, second = (read_tensors(tmp_path / name / "last.safetensors") for name in ("a", "b"))
    assert all(torch.equal(first[key], second[key]) for key in first)
    run(tmp_path / "c", tiny(epochs=1))
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_launcher_whose_processes_do_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(UsageError, match="WORLD_SIZE='two' is no number"):
        launched()
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("MASTER_ADDR", "MASTER_PORT", "RANK"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="2 processes, which cannot be joined: .*RANK"):
        make_accelerator("cpu", "auto")


def test_a_launcher_that_wants_the_cpu_gets_it_beside_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")  # as accelerate launch --cpu writes it
    with pytest.raises(UsageError, match="fp16 needs a GPU"):
        make_accelerator("auto", "fp16")


def test_half_precision_with_scaling_needs_a_gpu() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(UsageError, match="fp16 needs a GPU"):
        make_accelerator("cpu", "fp16")


def test_the_best_of_a_gan_is_not_its_grey_early_epoch() -> None:
    early = {"psnr": 23.1, "colorfulness": 3.0, "truth_colorfulness": 40.0}
    late = {"psnr": 22.4, "colorfulness": 33.0, "truth_colorfulness": 40.0}
    wild = {"psnr": 20.9, "colorfulness": 95.0, "truth_colorfulness": 40.0}
    by = best_by(load_recipe("cgan-celeba"))
    assert by == "colorfulness-balanced" and best_by(load_recipe("unet-celeba")) == "psnr"
    assert score_of(late, by) > score_of(early, by) and score_of(late, by) > score_of(wild, by)
    assert score_of(early, "psnr") > score_of(late, "psnr")
    assert score_of({"fid": 10.0}, "fid") > score_of({"fid": 20.0}, "fid")
    assert score_of({"inception_score": 9.0}, "inception_score") > score_of({"inception_score": 2.0}, "inception_score")


def test_a_run_that_does_not_get_better_ends_early(run: Run, tmp_path: Path) -> None:
    args = {"channels": 2, "width": 4, "depth": 3, "norm": "none"}
    result = run(tmp_path / "r", tiny(epochs=9, lr=0.0, patience=2, generator_args=args))
    assert not result.finished and result.exhausted and result.done == 3 * 22
    twice = tiny(epochs=9, lr=0.0, patience=2, generator_args=args)
    steps: list[int] = []

    def stop() -> bool:
        steps.append(1)
        return len(steps) > 11  # in the third epoch, after one checkpoint that was no better

    stopped = run(tmp_path / "s", twice, Watcher(should_stop=stop))
    assert stopped.done < 3 * 22 and not stopped.exhausted
    assert run(tmp_path / "s", twice).done == 3 * 22


class StopInMeasuring:
    """Stops a run in its first epoch's measuring."""

    asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked > 5  # the epoch has five steps: the sixth question comes in the measuring


@pytest.fixture
def stop_in_measuring(monkeypatch: pytest.MonkeyPatch) -> StopInMeasuring:
    monkeypatch.setattr("colorize_cli.training.validation._BATCH", 1)
    return StopInMeasuring()


def test_measuring_is_cut_short_when_the_user_asks(
    run: Run, tmp_path: Path, stop_in_measuring: StopInMeasuring
) -> None:
    result = run(tmp_path / "r", tiny(epochs=3), Watcher(should_stop=stop_in_measuring))
    assert not result.finished and result.done == 22 and stop_in_measuring.asked == 6
    assert (tmp_path / "r" / "state.pt").exists() and (tmp_path / "r" / "best.safetensors").exists()


def test_measuring_what_finds_damage_is_cut_short_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorize_cli.training.damage_training._BATCH", 1)
    measured: list[object] = []
    held_out = damage_training._held_out

    def counted(*arguments: object) -> Iterator[object]:
        for one in held_out(*arguments):  # type: ignore[arg-type]
            measured.append(one)
            yield one

    monkeypatch.setattr(damage_training, "_held_out", counted)
    finds = tiny(
        task="find_damage", generator="damagenet", generator_args={"widths": [4, 4, 4, 4]},
        terms=[{"loss": "damage"}], augmentation={"fit": "random", "wear": 0.6}, val=0.3, sheet=0,
        short_side=32, stages=[{"until": 1.0, "size": 32, "batch": 4}], val_size=32,
    )  # fmt: skip
    result = run(tmp_path / "r", finds, Watcher(should_stop=lambda: bool(measured)))
    assert not result.finished and len(measured) == 2  # the second was there before it was asked
    assert load_state(tmp_path / "r" / "state.pt").best == float("-inf")
    assert run(tmp_path / "r", finds).finished and len(measured) > 7


def test_looking_through_a_network_is_cut_short_too(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[int] = []

    def measure(*arguments: object) -> dict[str, float]:
        began.append(1)
        return {} if arguments[-1]() else {"lpips": 0.1}  # type: ignore[operator]

    monkeypatch.setattr("colorize_cli.training.checkpoints.network_metric", lambda by: measure)
    monkeypatch.setattr("colorize_cli.training.prepare.pull_metric", lambda *_: None)
    result = run(tmp_path / "r", tiny(epochs=3, best_by="lpips"), Watcher(should_stop=lambda: bool(began)))
    assert began == [1] and not result.finished
    assert load_state(tmp_path / "r" / "state.pt").best == float("-inf")


def test_what_was_measured_in_part_is_never_the_best(
    run: Run, tmp_path: Path, stop_in_measuring: StopInMeasuring
) -> None:
    run(tmp_path / "r", tiny(epochs=3), Watcher(should_stop=stop_in_measuring))
    assert load_state(tmp_path / "r" / "state.pt").best == float("-inf")
    weights = (tmp_path / "r" / "best.safetensors").read_bytes()
    run(tmp_path / "r", tiny(epochs=3))
    assert (tmp_path / "r" / "best.safetensors").read_bytes() != weights


def test_another_metric_for_the_best_begins_anew(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "r", tiny(epochs=1, best_by="psnr"))
    first = load_state(tmp_path / "r" / "state.pt")
    first.best = 99.0
    save_state(first, tmp_path / "r" / "state.pt")
    run(tmp_path / "r", tiny(epochs=2, best_by="colorfulness-balanced"))
    second = load_state(tmp_path / "r" / "state.pt")
    assert (first.best_by, second.best_by) == ("psnr", "colorfulness-balanced") and second.best < 99
    assert read_info(tmp_path / "r" / "best.safetensors").figures["psnr"] == pytest.approx(
        read_rows(tmp_path / "r" / "log.jsonl")[1]["psnr"], abs=1e-3
    )


def test_a_finished_run_says_so(run: Run, tmp_path: Path) -> None:
    assert not run(tmp_path / "r", tiny(epochs=1)).idle
    again = run(tmp_path / "r", tiny(epochs=1))
    assert again.idle and again.finished


def test_a_missing_checkpoint_to_start_from_is_named_before_the_data() -> None:
    with pytest.raises(Exception, match=r"no weights at gone\.safetensors"):
        prepare.check_start(tiny(), "gone.safetensors")


@pytest.mark.slow
def test_weights_to_start_from_are_read_before_the_data(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def survey(*_: object) -> None:
        raise AssertionError("the data were surveyed first")

    text = tmp_path / "notes.txt"
    text.write_text("no weights\n")
    torch.save({"encoder.other": torch.zeros(3)}, tmp_path / "other.pth")
    args = {"width": 4, "depth": 3, "channels": 2}
    torch.save(build_generator("unet", args).state_dict(), tmp_path / "unet.pth")
    monkeypatch.setattr(loop, "open_sources", survey)
    plain = ["train", "--data", str(photos), "--device", "cpu", "--out", str(tmp_path / "r")]
    for more, says in (
        (["--recipe", "mini", "--init", str(text)], "damaged, or holds none"),
        (["--recipe", "mini", "--init", "minni"], 'Did you mean "mini"?'),
        (["--recipe", "unet-celeba", "--init", "mini"], "holds LiteUnet, which a unet cannot start from"),
        (["--recipe", "eccv16", "--init", str(tmp_path / "unet.pth")], "holds Unet, which a eccv16 cannot"),
        (["--recipe", "resunet-coco", "--set", f"encoder_weights={text}"], "damaged, or holds none"),
        (["--recipe", "resunet-coco", "--set", f"encoder_weights={tmp_path / 'other.pth'}"], "no ResNet-18"),
    ):
        assert main([*plain, *more]) == 3, more
        said = capsys.readouterr().err
        assert says in said and "Traceback" not in said, said
    assert not (tmp_path / "r").exists()


def test_a_push_without_a_token_is_refused_before_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("colorize_cli.models.hubdata._headers", dict)
    assert main(["train", "--recipe", "unet-celeba", "--data", "nosuch-data", "--push", "me/mine"]) == 2
    assert "needs a token" in capsys.readouterr().err and not (tmp_path / "runs").exists()


@pytest.mark.parametrize("signal", ["Killed", "Bus error"])
def test_a_worker_that_the_system_ends_is_a_lack_of_memory(signal: str) -> None:
    error = RuntimeError(f"DataLoader worker (pid 12) is killed by signal: {signal}. ")
    assert isinstance(clear_memory_error(error, tiny()), OutOfMemoryError)
    other = RuntimeError("DataLoader worker (pid 12) is killed by signal: Terminated. ")
    assert clear_memory_error(other, tiny()) is other


def scaled(network: torch.nn.Module, precision: str) -> step.TrainedNetwork:
    """A network that is trained as on a GPU with that precision."""
    accelerator = SimpleNamespace(device=torch.device("cpu"), mixed_precision=precision, num_processes=1)
    return step.TrainedNetwork(accelerator, network, torch.optim.SGD(network.parameters(), lr=0.1), 0.1, 1.0)  # type: ignore[arg-type]


def test_a_scaled_loss_moves_weights_as_an_unscaled_one_and_an_overflow_is_skipped() -> None:
    networks = [torch.nn.Linear(3, 1, bias=False) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    trained = [scaled(network, precision) for network, precision in zip(networks, ("no", "fp16"), strict=True)]
    picture = torch.tensor([[1.0, -2.0, 0.5]])
    for one, network in zip(trained, networks, strict=True):
        for number in (1, 2):  # two batches gathered into one update
            one.update("loss", (network(picture) - 1).square().mean(), Turn(0, 2, number == 2))
    torch.testing.assert_close(networks[0].weight, networks[1].weight, rtol=1e-6, atol=1e-7)
    before, scale = networks[1].weight.detach().clone(), trained[1].scaler.get_scale()
    trained[1].update("loss", (networks[1](picture) * 1e34).sum(), Turn(1))  # finite; its scaled slope is not
    assert torch.equal(networks[1].weight, before) and trained[1].scaler.get_scale() == scale / 2
    with pytest.raises(step.NotFiniteError):
        trained[1].update("loss", networks[1](picture).sum() * torch.nan, Turn(2))
    assert torch.equal(networks[1].weight, before)
