from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from colorize_cli.errors import UsageError
from colorize_cli.models.checkpoint import read_info, read_tensors
from colorize_cli.training.config import Part
from colorize_cli.training.loop import Result
from colorize_cli.training.part_runs import check_parts, config_of, mean_weights
from colorize_cli.training.runs import check_new, latest_folder, read_run
from tests.training.conftest import tiny

Run = Callable[..., Result]
PARTS = [
    {"name": "first", "changes": {"epochs": 1}},
    {"name": "second", "init": "first", "changes": {"epochs": 1, "lr": 1e-3, "augmentation": {"flip": 0.0}}},
    {"name": "both", "mean": ["first", "second"]},
]


def test_parts_follow_one_another_and_the_mean_is_what_comes_out(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run(out, tiny(parts=PARTS))
    assert result.finished and result.best == out / "best.safetensors"
    first, second, both = (read_tensors(out / name / "last.safetensors") for name in ("first", "second", "both"))
    final = read_tensors(result.best)
    for key, value in final.items():
        assert torch.equal(value, both[key])
        if value.is_floating_point():
            torch.testing.assert_close(value, (first[key] + second[key]) / 2)
    assert read_info(result.best).recipe == "tiny"


def test_a_part_starts_from_the_weights_of_the_one_that_it_names(run: Run, tmp_path: Path) -> None:
    still = {"name": "still", "init": "first", "changes": {"epochs": 1, "lr": 1e-9, "seed": 7}}
    run(tmp_path / "run", tiny(parts=[PARTS[0], still]))
    first, after = (read_tensors(tmp_path / "run" / name / "last.safetensors") for name in ("first", "still"))
    learned = [key for key in first if key.endswith("weight")]
    assert learned and all(torch.allclose(first[key], after[key], atol=1e-6) for key in learned)


def test_a_stopped_run_of_parts_goes_on_and_ends_as_one_that_was_not(run: Run, tmp_path: Path) -> None:
    whole, cut = tmp_path / "runs" / "tiny-1", tmp_path / "runs" / "tiny-2"
    run(whole, tiny(parts=PARTS))
    early = run(cut, tiny(parts=PARTS), time_limit=0.0)
    assert not early.finished and early.best == cut / "best.safetensors" and early.best.is_file()
    assert latest_folder("tiny", tmp_path / "runs") == cut
    saved = read_run(cut)
    assert saved.config == tiny(parts=PARTS)
    assert run(cut, saved.config).finished
    ours, theirs = read_tensors(cut / "best.safetensors"), read_tensors(whole / "best.safetensors")
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    with pytest.raises(UsageError, match="there is a run in"):
        check_new(cut)


def test_a_run_that_goes_on_remembers_the_weights_that_it_began_with(run: Run, tmp_path: Path) -> None:
    alone = [PARTS[0], {**PARTS[1], "init": ""}]
    run(tmp_path / "before", tiny(seed=9))
    init = str(tmp_path / "before" / "best.safetensors")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(whole, tiny(parts=alone), init=init)
    assert not run(cut, tiny(parts=alone), init=init, time_limit=0.0).finished
    saved = read_run(cut)
    assert saved.init == saved.weights == init
    assert run(cut, saved.config, init=saved.weights).finished
    ours, theirs = read_tensors(cut / "best.safetensors"), read_tensors(whole / "best.safetensors")
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert read_run(tmp_path / "before").init is None
    Path(init).unlink()  # both parts have begun, and no longer need it
    saved = read_run(cut, ["epochs=4"])
    assert run(cut, saved.config, init=saved.weights).finished and read_run(cut / "first").init == init


def test_a_parts_changes_reach_into_tables() -> None:
    config = config_of(tiny(parts=PARTS), tiny(parts=PARTS).parts[1])
    assert config.lr == 1e-3 and config.parts == ()
    assert config.augmentation == replace(tiny().augmentation, flip=0.0)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([Part("a"), Part("a")], "a name of its own"),
        ([Part("../a")], "a name of its own"),
        ([Part("a", init="b")], "no part 'b' before it"),
        ([Part("b", mean=("a",)), Part("a")], "no part 'a' before it"),
        ([Part("a"), Part("b", init="a", mean=("a",))], "a mean is not trained"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts: list[Part], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_parts(parts)


def test_weights_of_different_networks_have_no_mean() -> None:
    with pytest.raises(UsageError, match="have no mean"):
        mean_weights([{"a": torch.zeros(2)}, {"a": torch.zeros(3)}])
