from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from safetensors import safe_open

from colorize_cli.data.photosets import HeldPhotos
from colorize_cli.data.transforms import Augmentation
from colorize_cli.errors import DataError, UsageError
from colorize_cli.models.registry import Bundled
from colorize_cli.models.weights import bundled
from colorize_cli.training.loop import RunSettings, Watcher, train
from colorize_cli.training.outputs import shape_of
from colorize_cli.training.part_runs import config_of
from colorize_cli.training.prepare import split_photos, validated
from colorize_cli.training.recipe_text import settings_of
from colorize_cli.training.recipes import adjusted, config_from, load_recipe, recipe_for, recipe_names
from colorize_cli.training.runs import read_run, write_run
from colorize_cli.training.schedule import plan, rate_factor
from tests.training.conftest import tiny

WANTED = {
    "unet-celeba", "cgan-celeba", "colorful-l1", "colorful-l2", "colorful-gan", "colorful-lsgan", "colorful-ebgan",
    "colorful-wgan", "eccv16-vgg", "patchgan-places", "resunet-coco", "colorunet", "mini",
}  # fmt: skip


def test_every_recipe_is_there_and_fits_together() -> None:
    assert set(recipe_names()) >= WANTED
    for name in recipe_names():
        config = validated(load_recipe(name))
        assert config.recipe == name and config.about
        assert plan(replace(config, steps=min(config.steps, 100)), 1000)[-1].done > 0


def test_recipes_are_what_they_restate() -> None:
    cgan = load_recipe("cgan-celeba")
    assert (
        cgan.generator_args["channels"] == 3 and cgan.epochs == 20 and cgan.data[0].limit == 10_000 and cgan.val == 0.2
    )
    assert cgan.discriminator is not None and (cgan.discriminator.kind, cgan.discriminator.network) == ("gan", "dcgan")
    for name, kind in (("gan", "gan"), ("lsgan", "lsgan"), ("ebgan", "ebgan"), ("wgan", "wgan")):
        config = load_recipe(f"colorful-{name}")
        assert config.discriminator is not None and config.discriminator.kind == kind and config.generator == "eccv16"
        assert [term.loss for term in config.terms] == ["l1", "l2"] and config.stages[0].batch == 32
        turns = config.discriminator.discriminator_steps  # the generator moves at each of so many batches
        assert config.steps // turns == 100_000 and [one.name for one in config.data] == ["celeba"]
        assert (config.train_photos, config.val_photos) == (195_000, 5_000)
        assert config.discriminator.network == ("autoencoder" if name == "ebgan" else "dcgan")
        assert config.discriminator.network_args.get("norm", "batch") == "batch"
        assert config.generator_args["dropout"] == 0.5
    for name in ("l1", "l2"):
        faces, places = load_recipe(f"colorful-{name}"), load_recipe(f"colorful-{name}-places")
        assert [one.name for one in faces.data] == ["celeba"] and [one.name for one in places.data] == ["places365"]
        assert (faces.train_photos, places.train_photos) == (195_000, 200_000)
        assert faces.terms == places.terms and faces.steps == places.steps == 100_000
    vgg = load_recipe("eccv16-vgg")
    assert vgg.discriminator is not None and vgg.discriminator.weight == 1e-3 and vgg.discriminator.network == "pooling"
    assert vgg.terms[0].distance == "l1"
    patch = load_recipe("patchgan-places")
    assert patch.discriminator is not None and patch.discriminator.network_args == {"receptive": 34}
    assert (
        patch.discriminator.smoothing == 0.9
        and patch.discriminator.lr != patch.lr
        and patch.keep
        and patch.epochs == 20
    )
    coco = load_recipe("resunet-coco")
    assert (
        coco.discriminator is not None
        and coco.discriminator.after == 50
        and coco.discriminator.network_args == {"receptive": 70}
    )
    assert coco.terms[0].weight == 100 and coco.lr == 2e-4 and coco.betas == (0.5, 0.999) and coco.stages[0].batch == 16
    assert coco.encoder_weights == "torchvision" and (coco.train_photos, coco.val_photos) == (8_000, 2_000)
    assert (patch.train_photos, patch.val_photos) == (15_000, 3_000)
    assert (cgan.train_photos, cgan.val_photos) == (8_000, 2_000)
    assert load_recipe("vggunet-places").generator == "vggunet"
    assert load_recipe("colorunet").generator_args["colors"] == 32


def test_data_without_a_recipe_trains_its_own() -> None:
    names = ("celeba", "places365", "coco", "kaggle-colorization", "imagenet", "photos/")
    wanted = ["cgan-celeba", "patchgan-places", "resunet-coco", "eccv16-vgg", "eccv16", "mini"]
    assert [recipe_for([name]) for name in names] == wanted


def test_channels_of_the_papers_u_net_double_at_each_step() -> None:
    for name in ("unet-celeba", "cgan-celeba"):
        config = load_recipe(name)
        shape = shape_of(config.generator, config.generator_args)
        widths = [down[0].out_channels for down in shape.get_submodule("encoder")]
        assert all(b == 2 * a for a, b in zip(widths, widths[1:], strict=False)) and widths[0] == 64
    assert [down[0].out_channels for down in shape_of("unet", {}).get_submodule("encoder")][-2:] == [512, 512]


def test_the_last_part_of_restore_makes_the_network_that_ships() -> None:
    recipe = load_recipe("restore")
    config = config_of(recipe, recipe.parts[-1])
    made = shape_of(config.generator, config.generator_args).state_dict()
    with safe_open(bundled(Bundled("restore.safetensors")).path, "np") as file:
        shipped = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 - no mapping
    assert shipped == {key: tuple(value.shape) for key, value in made.items()}


def test_every_stated_choice_of_a_paper_says_where_it_is_from() -> None:
    of_papers = [
        name for name in recipe_names() if not name.startswith(("mini", "color", "restore")) and name != "eccv16"
    ]
    of_papers += [name for name in recipe_names() if name.startswith("colorful")]
    assert len(of_papers) > 10
    for name in of_papers:
        settings = settings_of(load_recipe(name))
        keys = {one.key for one in settings}
        assert "terms.0.loss" in keys and "lr" in keys
        for key in load_recipe(name).sources:
            assert any(one == key or one.startswith(f"{key}.") for one in keys), (name, key)
        said = {one.key: one.source for one in settings}
        assert all(said.values()), name
        assert "paper speaks of none" in said["augmentation.flip"], name
        assert "section" in " ".join(said.values())
    of_vgg = {one.key: one.source for one in settings_of(load_recipe("vggunet-places", ("lr=1e-3", "clip=1")))}
    assert "256 x 256" in of_vgg["short_side"] and "VGG" in of_vgg["generator"]  # its base's, and its own
    assert (of_vgg["accumulate"], of_vgg["clip"]) == ("the default", "chosen here")


def test_exact_counts_of_photos_are_met_and_scaled_down() -> None:
    photos = HeldPhotos([f"{i}.png" for i in range(50)], [""] * 50, [None] * 50, ["train", "test"] * 25, {}, [])
    config = tiny(train_photos=30, val_photos=10, val_limit=10)
    training, validation = split_photos(photos, config)
    assert (len(training), len(validation)) == (30, 10) and not set(training) & set(validation)
    assert split_photos(photos, config) == (training, validation)
    few = HeldPhotos(photos.names[:20], [""] * 20, [None] * 20, [""] * 20, {}, [])
    assert [len(part) for part in split_photos(few, config)] == [15, 5]
    assert (
        adjusted(config, None, None, limit=20).train_photos,
        adjusted(config, None, None, val=0.5).train_photos,
    ) == (15, 0)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs=-3", "epochs must be at least 0, not -3"),
        ("lr=-1", "lr must be at least 0, not -1"),
        ("lr=inf", "lr must be a finite number"),
        ("betas=[0.5,1.5]", "betas.1 must be at least 0 and less than 1, not 1.5"),
        ("discriminator.lr=-2", "discriminator.lr must be at least 0"),
        ("discriminator.discriminator_steps=0", "discriminator.discriminator_steps must be more than 0"),
        ("accumulate=0", "accumulate must be more than 0"),
        ("terms.0.weight=-1", "terms.0.weight must be at least 0"),
        ("augmentation.flip=2", "augmentation.flip must be at least 0 and at most 1"),
        ("ema=1", "ema must be at least 0 and less than 1"),
        ("val=1.5", "val must be at least 0 and less than 1"),
        ("best_by=pnsr", 'Did you mean "psnr"'),
        ("generator=unett", 'Did you mean "unet"'),
        ("generator_args.depht=5", "takes no argument 'depht'"),
        ("generator_args.depth=0", "cannot be built with"),
        ("discriminator.network_args.receptive=33", "receptive"),
        ("targets=one_hot", "targets are of networks that classify"),
        ("encoder_weights=torchvision", "no pretrained encoder"),
        ("epochs=0", "does not say how long"),
    ],
)
def test_what_can_be_checked_is_refused_before_the_data(override: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        validated(load_recipe("cgan-celeba", (override,)))
    assert message.replace("'", "") in str(caught.value).replace("'", "").replace('"depht"', "depht")


@pytest.mark.parametrize(
    ("recipe", "override", "message"),
    [
        ("cgan-celeba", "generator_args.norm=bogus", "generator_args.norm must be one of batch, instance, none"),
        ("cgan-celeba", "generator_args.widest=nan", "generator_args.widest must be a whole number of at least 0"),
        ("cgan-celeba", "generator_args.width=true", "generator_args.width must be a whole number of at least 1"),
        ("colorful-gan", "generator_args.head=rgb", "generator_args.head must be one of bins, ab"),
        ("colorful-gan", "generator_args.dropout=1.0", "generator_args.dropout must be at least 0 and less than 1"),
        ("colorful-gan", "generator_args.dropout=much", "generator_args.dropout must be a number"),
        ("eccv16", "generator_args.vividness=2", "generator_args.vividness must be at least 0 and at most 1"),
        ("colorunet", "generator_args.temperature=0", "generator_args.temperature must be more than 0"),
        ("mini", "generator_args.hints=1", "generator_args.hints must be true or false"),
        ("mini", "generator_args.safest=[1,'x']", "generator_args.safest must be a list, each a number"),
        ("patchgan-places", "discriminator.network_args.width=0", "network_args.width must be a whole number of"),
        ("patchgan-places", "discriminator.network_args.norm=x", "network_args.norm must be one of batch"),
        ("patchgan-places", "discriminator.network_args.receptive=33", "no PatchGAN has a receptive field of 33"),
    ],
)
def test_a_networks_arguments_are_what_it_says(recipe: str, override: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        validated(load_recipe(recipe, (override,)))


def test_the_length_that_is_set_is_the_one_that_counts(tmp_path: Path) -> None:
    config = load_recipe("cgan-celeba", ("steps=300",))
    assert (config.samples, config.epochs, config.steps) == (0, 0, 300)
    assert load_recipe("mini", ("epochs=2",)).samples == 0
    both = load_recipe("cgan-celeba", ("steps=300", "epochs=3"))
    assert (both.epochs, both.steps) == (3, 300)
    assert load_recipe("cgan-celeba", ("steps=0",)).epochs == 20
    write_run(tmp_path, load_recipe("cgan-celeba"), ("x",), None)
    assert read_run(tmp_path, ("steps=7",)).config.epochs == 0


def test_a_part_that_fits_nothing_is_refused_before_the_first_is_trained() -> None:
    config = tiny(parts=[{"name": "a"}, {"name": "b", "init": "a", "changes": {"lr": -1.0}}])
    with pytest.raises(UsageError, match="lr must be at least 0, not -1"):
        train(RunSettings(config, ("nowhere",), device="cpu"), Watcher())


def test_pix2pixs_rate_falls_by_a_step_an_epoch() -> None:
    config = tiny(epochs=200, schedule="linear", decay=0.5)
    factors = [rate_factor(config, 200 * 10, epoch * 10) for epoch in range(200)]
    wanted = [1.0 - max(0, epoch + 1 - 100) / 101 for epoch in range(200)]
    assert factors == pytest.approx(wanted)


def test_any_field_is_overridden() -> None:
    config = load_recipe(
        "cgan-celeba",
        ("lr=5e-4", "discriminator.smoothing=0.9", "terms.0.weight=10", "generator_args.depth=5", "val=0"),
    )
    assert config.lr == 5e-4 and config.val == 0.0 and config.generator_args["depth"] == 5
    assert config.discriminator is not None and config.discriminator.smoothing == 0.9 and config.terms[0].weight == 10
    assert load_recipe("cgan-celeba", ("discriminator=none",)).discriminator is None
    sized = adjusted(config, 64, 4, limit=100, val=None)
    assert [(stage.size, stage.batch) for stage in sized.stages] == [(64, 4)] and sized.val_size == 64
    assert sized.limit == 100 and sized.val == 0.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lrr=1", "no field 'lrr'"),
        ("lr=fast", "lr must be a number"),
        ("epochs=1.5", "epochs must be a whole number"),
        ("discriminator.kind=cgan", "must be one of gan, lsgan, ebgan, wgan"),
        ("discriminator.lr.x=3", "no 'discriminator.lr.x'"),
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


@pytest.mark.parametrize("name", ["mine.toml", "run.json"])
def test_what_is_no_recipe_is_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for text in (
        "[" * 200_000,
        "a = " + "[" * 200_000,
        "steps = " + "1" * 5000,
        '{"config": {}, "data": [[]]}',
        "\xff",
    ):
        path.write_text(text, "latin-1")
        with pytest.raises(UsageError, match=r"is no TOML|is no run|no text in UTF-8") as refused:
            load_recipe(str(path))
        assert "sys." not in str(refused.value) and "codec" not in str(refused.value)
    with path.open("wb") as file:
        file.truncate(8 << 30)
    with pytest.raises(UsageError, match="more than 16,777,216 bytes"):
        load_recipe(str(path))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UsageError, match="it is a named pipe, not a file"):
        load_recipe(str(path))
    with pytest.raises(UsageError, match="steps"):
        load_recipe("mini", ["steps=" + "1" * 5000])


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
        (
            {"generator": "mini", "generator_args": {}, "discriminator": {}, "terms": [{"loss": "cross_entropy"}]},
            "scores",
        ),
        ({"terms": []}, "no loss"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        validated(tiny(**{"val_size": 32, **changes}))


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


def test_every_gathered_gradient_is_in_an_update_before_the_next_checkpoint() -> None:
    config = replace(tiny(), epochs=2, accumulate=3)
    turns = [(row.turn.number, row.turn.batches, row.turn.last) for row in plan(config, 21)]  # five batches an epoch
    one = [(0, 3, False), (0, 3, False), (0, 3, True), (1, 2, False), (1, 2, True)]
    assert turns == one + [(number + 2, batches, last) for number, batches, last in one]
    assert all(row.turn.last for row in plan(replace(config, accumulate=1), 21))


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
    assert (mine.recipe, mine.lr, mine.ema, mine.augmentation) == (
        "mine",
        0.5,
        0.5,
        Augmentation(spectral_response=0.0),
    )
    assert (mine.stages, mine.source_weights) == (mini.stages, mini.source_weights)
    file.write_text('base = "maxi"\n')
    with pytest.raises(UsageError, match="no recipe 'maxi'"):
        load_recipe(str(file))


def test_fields_of_older_recipes_and_runs_are_known_by_their_former_names(tmp_path: Path) -> None:
    table = {
        "recipe": "old",
        "adversary": {"kind": "wgan", "critic_steps": 3},
        "augmentation": {"wear": 0.1, "film": 0.2, "tone": 0.4},
    }
    config = config_from(table)
    assert config.discriminator is not None and config.discriminator.discriminator_steps == 3
    how = config.augmentation
    assert (how.degradation, how.spectral_response, how.tone_curve) == (0.1, 0.2, 0.4)
    changed = load_recipe("colorful-wgan", ("adversary.lr=1e-3", "augmentation.wear=0.5")).discriminator
    assert changed is not None and changed.lr == 1e-3 and changed.kind == "wgan"
    assert load_recipe("mini-taught") == load_recipe("mini-distilled")
    assert config_from({"recipe": "mini-taught"}).recipe == "mini-distilled"  # of a run that goes on


def test_a_discriminator_is_given_to_a_recipe_by_its_kind() -> None:
    config = load_recipe("unet-celeba", ("discriminator.lr=1e-3", "discriminator.kind=lsgan"))
    assert config.discriminator is not None and (config.discriminator.kind, config.discriminator.lr) == ("lsgan", 1e-3)
    assert load_recipe("cgan-celeba", ("discriminator.lr=1e-3",)).discriminator is not None
