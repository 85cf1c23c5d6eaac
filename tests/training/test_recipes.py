from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from colorize_cli.data.transforms import Augmentation
from colorize_cli.errors import DataError, UsageError
from colorize_cli.training.prepare import settled
from colorize_cli.training.recipes import adjusted, config_from, load_recipe, recipe_for, recipe_names
from colorize_cli.training.schedule import plan, rate_factor
from tests.training.conftest import tiny

WANTED = {
    "unet-celeba", "cgan-celeba", "colorful-l1", "colorful-l2", "colorful-gan", "colorful-lsgan", "colorful-ebgan",
    "colorful-wgan", "eccv16-vgg", "patchgan-places", "resunet-coco", "colorunet", "mini",
}  # fmt: skip


def test_every_recipe_is_there_and_fits_together() -> None:
    assert set(recipe_names()) >= WANTED
    for name in recipe_names():
        config = settled(load_recipe(name))
        assert config.recipe == name and config.about
        assert plan(replace(config, steps=min(config.steps, 100)), 1000)[-1].done > 0


def test_recipes_are_what_they_restate() -> None:
    cgan = load_recipe("cgan-celeba")
    assert (
        cgan.generator_args["channels"] == 3 and cgan.epochs == 20 and cgan.data[0].limit == 10_000 and cgan.val == 0.2
    )
    assert cgan.adversary is not None and (cgan.adversary.kind, cgan.adversary.network) == ("gan", "dcgan")
    for name, kind in (("gan", "gan"), ("lsgan", "lsgan"), ("ebgan", "ebgan"), ("wgan", "wgan")):
        config = load_recipe(f"colorful-{name}")
        assert config.adversary is not None and config.adversary.kind == kind and config.generator == "eccv16"
        assert [term.loss for term in config.terms] == ["l1", "l2"] and config.stages[0].batch == 32
        assert config.steps == 100_000 and [one.name for one in config.data] == ["celeba", "places365"]
    vgg = load_recipe("eccv16-vgg")
    assert vgg.adversary is not None and vgg.adversary.weight == 1e-3 and vgg.adversary.network == "pooling"
    patch = load_recipe("patchgan-places")
    assert patch.adversary is not None and patch.adversary.network_args == {"receptive": 34}
    assert patch.adversary.smoothing == 0.9 and patch.adversary.lr != patch.lr and patch.keep and patch.epochs == 20
    coco = load_recipe("resunet-coco")
    assert (
        coco.adversary is not None and coco.adversary.after == 50 and coco.adversary.network_args == {"receptive": 70}
    )
    assert coco.terms[0].weight == 100 and coco.lr == 2e-4 and coco.betas == (0.5, 0.999) and coco.stages[0].batch == 16
    assert load_recipe("colorunet").generator_args["colours"] == 32


def test_data_without_a_recipe_trains_its_own() -> None:
    names = ("celeba", "places365", "coco", "photos/")
    assert [recipe_for([name]) for name in names] == ["cgan-celeba", "patchgan-places", "resunet-coco", "mini"]


def test_any_field_is_overridden() -> None:
    config = load_recipe(
        "cgan-celeba", ("lr=5e-4", "adversary.smoothing=0.9", "terms.0.weight=10", "generator_args.depth=5", "val=0")
    )
    assert config.lr == 5e-4 and config.val == 0.0 and config.generator_args["depth"] == 5
    assert config.adversary is not None and config.adversary.smoothing == 0.9 and config.terms[0].weight == 10
    assert load_recipe("cgan-celeba", ("adversary=none",)).adversary is None
    sized = adjusted(config, 64, 4, limit=100, val=None)
    assert [(stage.size, stage.batch) for stage in sized.stages] == [(64, 4)] and sized.val_size == 64
    assert sized.limit == 100 and sized.val == 0.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lrr=1", "no field 'lrr'"),
        ("lr=fast", "lr must be a number"),
        ("epochs=1.5", "epochs must be a whole number"),
        ("adversary.kind=cgan", "must be one of gan, lsgan, ebgan, wgan"),
        ("adversary.lr.x=3", "no 'adversary.lr.x'"),
        ("terms.7.weight=1", "terms.7.weight"),
        ("stages=3", "stages must be a list"),
        ("betas=[0.1]", "betas must have 2 values"),
        ("nonsense", "is not KEY=VALUE"),
        ("keep=1", "keep must be true or false"),
    ],
)
def test_what_does_not_fit_is_named(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_recipe("cgan-celeba", (override,))


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('generator = "unet"\nepochs = 2\nterms = [{ loss = "l2" }]\n')
    config = load_recipe(str(tmp_path / "mine.toml"))
    assert config.recipe == "mine" and config.terms[0].loss == "l2"
    for name in ("nosuch", str(tmp_path / "nosuch.toml")):
        with pytest.raises(UsageError, match="nosuch"):
            load_recipe(name)
    (tmp_path / "bad.toml").write_text("generator = ")
    with pytest.raises(UsageError, match="no TOML"):
        load_recipe(str(tmp_path / "bad.toml"))


def test_a_configuration_survives_json() -> None:
    for name in recipe_names():
        config = load_recipe(name)
        assert config_from(json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": [{"until": 0.5, "size": 16, "batch": 4}]}, "the last at 1.0"),
        ({"stages": [{"until": 1.0, "size": 20, "batch": 4}]}, "multiples of 8, not 20"),
        ({"generator": "eccv16", "generator_args": {"head": "bins"}}, "does not fit"),
        ({"generator": "mini", "generator_args": {}, "adversary": {}, "terms": [{"loss": "cross_entropy"}]}, "judges"),
        ({"terms": []}, "no loss"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settled(tiny(**{"val_size": 32, **changes}))


def test_epochs_are_full_batches_and_close() -> None:
    rows = plan(tiny(), photos=22)
    assert len(rows) == 15  # 5 full batches of 4 an epoch, the last 2 photos of its order are left out
    assert [row.start for row in rows[:6]] == [0, 4, 8, 12, 16, 22]
    assert [row.step for row in rows if row.closes] == [4, 9, 14]
    assert rows[-1].done == 66


def test_two_processes_share_what_one_with_twice_the_batch_does() -> None:
    twice = tiny(stages=[{"until": 1.0, "size": 16, "batch": 8}])
    assert plan(tiny(), 24, processes=2) == plan(twice, 24)


def test_steps_are_counted_exactly() -> None:
    assert len(plan(tiny(epochs=0, steps=17), photos=22)) == 17
    assert len(plan(tiny(epochs=0, steps=17, sampling="sources"), photos=22)) == 17


def test_stages_follow_each_other_and_every_closes() -> None:
    stages = [{"until": 0.5, "size": 8, "batch": 10}, {"until": 1.0, "size": 16, "batch": 5}]
    rows = plan(tiny(epochs=0, samples=100, every=25, sampling="sources", stages=stages), photos=7)
    assert [(row.size, row.samples) for row in rows] == [(8, 10)] * 5 + [(16, 5)] * 10
    assert [row.done for row in rows if row.closes] == [30, 50, 75, 100]


def test_a_batch_larger_than_the_data_is_one_clear_line() -> None:
    with pytest.raises(DataError, match="a batch of 4 is larger than the 3 photos"):
        plan(tiny(), photos=3)


def test_rates_rise_and_fall_as_the_schedule_says() -> None:
    cosine = tiny(schedule="cosine", warmup=10)
    assert rate_factor(cosine, 110, 0) == pytest.approx(0.1)
    assert rate_factor(cosine, 110, 10) == 1
    assert rate_factor(cosine, 110, 60) == pytest.approx(0.5)
    assert rate_factor(cosine, 110, 110) == pytest.approx(0)
    wsd = tiny(schedule="wsd", decay=0.2)
    assert [rate_factor(wsd, 100, done) for done in (0, 80, 90, 100)] == pytest.approx([1, 1, 0.5, 0])
    assert rate_factor(tiny(), 100, 99) == 1


def test_a_recipe_takes_from_its_base_what_it_leaves_out(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "mini"\nlr = 0.5\n[augmentation]\nfilm = 0.0\n')
    mine, mini = load_recipe(str(file), ["ema=0.5"]), load_recipe("mini")
    assert (mine.recipe, mine.lr, mine.ema, mine.augmentation) == ("mine", 0.5, 0.5, Augmentation(film=0.0))
    assert (mine.stages, mine.source_weights) == (mini.stages, mini.source_weights)
    file.write_text('base = "maxi"\n')
    with pytest.raises(UsageError, match="no recipe 'maxi'"):
        load_recipe(str(file))
