from __future__ import annotations

from pathlib import Path

import pytest
import torch

from colorize_cli.data.photosets import HeldPhotos
from colorize_cli.errors import DataError, WeightsError
from colorize_cli.models.bins import SoftBins
from colorize_cli.models.networks.eccv16 import Eccv16
from colorize_cli.models.networks.mini import Mini
from colorize_cli.training.outputs import Classes
from colorize_cli.training.prepare import (
    class_labels,
    colors_of,
    make_generator,
    needed_files,
    split_photos,
    validated,
)
from colorize_cli.training.run_sources import choice_of, data_names
from tests.data.pictures import colorful
from tests.training.conftest import tiny


def held(count: int) -> HeldPhotos:
    names, labels = [f"{i}.png" for i in range(count)], ["cat" if i % 2 else None for i in range(count)]
    return HeldPhotos(names, [""] * count, labels, [""] * count, {}, [colorful(i) for i in range(count)])


def test_a_pretrained_encoder_is_read_from_its_file(tmp_path: Path) -> None:
    from torchvision.models import resnet18

    state = resnet18(weights=None).state_dict()
    torch.save(state, tmp_path / "resnet18.pth")
    config = validated(
        tiny(
            generator="resunet18", generator_args={}, encoder_weights=str(tmp_path / "resnet18.pth"), val_size=32,
            stages=[{"until": 1.0, "size": 32, "batch": 4}],
        )
    )  # fmt: skip
    generator = make_generator(config, 0, needed_files(config), None)
    torch.testing.assert_close(generator.state_dict()["encoder.layer3.0.conv1.weight"], state["layer3.0.conv1.weight"])
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "resnet18.pth")
    with pytest.raises(WeightsError, match="no ResNet-18"):
        make_generator(config, 0, needed_files(config), None)


def test_soft_bins_share_a_color_among_its_neighbours() -> None:
    bins = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [50.0, 50.0], [-50.0, -50.0], [-60.0, 0.0]])
    index, weight = SoftBins(bins).encode(torch.tensor([2.0, 0.0]).view(1, 2, 1, 1))
    assert index[0, :3, 0, 0].tolist() == [0, 1, 2]
    wanted = torch.exp(-torch.tensor([4.0, 64.0, 104.0]) / 50)
    torch.testing.assert_close(weight[0, :3, 0, 0], wanted / wanted.sum(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(weight.sum(1), torch.ones(1, 1, 1))
    soft = SoftBins(bins)
    prior = soft.prior(soft.count(torch.tensor([[2.0, 0.0], [2.0, 0.0], [50.0, 50.0]])))
    assert float(prior.sum()) == pytest.approx(1) and int(prior.argmax()) == 0


@pytest.mark.parametrize("kind", ["mini", "eccv16"])
def test_rare_colors_weigh_more(kind: str) -> None:
    torch.manual_seed(0)
    generator = Eccv16() if kind == "eccv16" else Mini((8, 8, 8, 8), (0, 0, 0, 0), (0, 0, 0))
    ab = torch.cat((torch.zeros(990, 2), torch.tensor([[60.0, 40.0]]).expand(10, 2)))
    classes = Classes(generator, torch.full((1000, 1), 50.0), ab, uniform=0.5, power=1.0, class_weight=0.0)
    bins = generator.bins
    common, rare = (int((bins - torch.tensor(color)).norm(dim=1).argmin()) for color in ([0.0, 0.0], [60.0, 40.0]))
    assert classes.weights[rare] > 5 * classes.weights[common]
    if isinstance(generator, Mini):
        torch.testing.assert_close(generator.log_weights, classes.weights.log())


def test_labels_are_learned_only_where_the_recipe_has_that_head() -> None:
    assert class_labels(held(4), tiny(class_weight=0.1)) == ["cat"] and class_labels(held(4), tiny()) == []


def test_everything_held_out_is_refused_and_validation_is_limited() -> None:
    with pytest.raises(DataError, match="held out"):
        split_photos(held(3), tiny(val=0.999999))
    training, validation = split_photos(held(60), tiny(val=0.5, val_limit=4))
    assert len(validation) == 4 and not set(training) & set(validation)


def test_counted_colors_are_those_of_the_photos() -> None:
    lightness, ab = colors_of(held(3), [1], seed=0)
    assert lightness.shape == (32 * 32, 1) and ab.shape == (32 * 32, 2)
    assert float(lightness.min()) >= 0 and float(lightness.max()) <= 100


def test_a_recipes_choice_goes_to_the_data_it_names_or_to_the_only_one(tmp_path: Path) -> None:
    config = tiny(data=[{"name": "celeba", "limit": 10, "select": ["x"]}])
    assert (choice_of(config, "celeba", 1).limit, choice_of(config, "celeba", 1).select) == (10, ("x",))
    assert (choice_of(config, "/photos", 1).limit, choice_of(config, "/photos", 1).select) == (10, ())
    assert choice_of(config, "/photos", 2).limit == 0
    assert choice_of(tiny(limit=8), "/photos", 2).limit == 4
    assert data_names(config, ()) == ("celeba",)
    assert data_names(config, (str(tmp_path),)) == (str(tmp_path.resolve()),)
