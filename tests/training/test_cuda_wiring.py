"""That everything stands on one device: under fake tensors of CUDA, which need no GPU."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from colorize_cli.data.pairs import Batch
from colorize_cli.models.load import _NoRandomStart
from colorize_cli.training import prepare, step
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.content import ContentLoss
from colorize_cli.training.outputs import Classes, build_generator
from colorize_cli.training.recipes import adjusted, load_recipe, recipe_names
from colorize_cli.training.schedule import Turn
from colorize_cli.training.step import Trainer

CUDA = torch.device("cuda")
pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU the real thing is tested")


def accelerator() -> SimpleNamespace:
    """What a step asks of accelerate, on a GPU that is not there."""
    return SimpleNamespace(
        device=CUDA, num_processes=1, mixed_precision="no", autocast=lambda: contextlib.nullcontext(),
        is_main_process=True, reduce=lambda value, how: value,
    )  # fmt: skip


def batch_of(size: int) -> Batch:
    lightness = torch.rand(2, 1, size, size, device=CUDA) * 100
    ab = torch.rand(2, 2, size, size, device=CUDA) * 40 - 20
    return Batch(lightness, ab, torch.zeros(2, 3, size, size, device=CUDA), torch.full((2,), -1, device=CUDA))


@pytest.fixture
def updated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices of the losses that networks would be updated by; autograd itself needs the GPU's driver."""
    devices: list[str] = []
    monkeypatch.setattr(
        step.TrainedNetwork, "update", lambda self, name, loss, batches=1: devices.append(loss.device.type)
    )
    return devices


def classes_of(config: TrainConfig, generator: object) -> Classes | None:
    if not config.classifies:
        return None
    ab = torch.rand(500, 2) * 40 - 20
    return Classes(generator, torch.full((500, 1), 50.0), ab, 0.5, 0.5, 0.0)  # type: ignore[arg-type]


QUICK = (
    "mini",
    "cgan-celeba",
    "patchgan-places",
    "colorful-wgan",
    "colorful-ebgan",
    "resunet-coco",
)  # one of each kind of losses
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in recipe_names() if name not in QUICK]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_a_step_of_each_recipe_mixes_no_devices(name: str, updated: list[str]) -> None:
    config = prepare.validated(adjusted(load_recipe(name, ("teacher=none",)), 128, 2))
    with _NoRandomStart():  # no number matters here
        real = build_generator(config.generator, config.generator_args)
    classes = classes_of(config, real)
    content = ContentLoss("l1") if any(term.loss == "content" for term in config.terms) else None
    discriminator = prepare.make_discriminator(config, real)
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    for module in (real, content, discriminator.network if discriminator else None):
        if module is not None:
            _to_fake(module, mode)
    if classes is not None:
        classes.weights = on_gpu(classes.weights, mode)
        soft = getattr(real, "_soft", None)
        if soft is not None:
            soft.index, soft.weight = on_gpu(soft.index, mode), on_gpu(soft.weight, mode)
    with mode:
        trainer = Trainer(config, accelerator(), real, real, classes, content, discriminator)  # type: ignore[arg-type]
        for number, adversarial in ((4, False), (4, True)):
            losses = trainer.step(batch_of(128), Turn(number), 1.0, adversarial)
            assert losses and all(value.device.type == "cuda" for value in losses.values())
    assert set(updated) == {"cuda"}


def on_gpu(value: torch.Tensor, mode: FakeTensorMode) -> torch.Tensor:
    """A fake of a tensor, as `.to("cuda")` would put it there."""
    fake = mode.from_tensor(value.detach())
    with mode:
        return fake.to(CUDA)


def _to_fake(module: torch.nn.Module, mode: FakeTensorMode) -> None:
    """Replace a network's tensors by fakes on the GPU, as `.to("cuda")` would put them there."""
    for part in module.modules():
        for key, value in list(part._parameters.items()):
            if value is not None:
                moved = on_gpu(value, mode)
                with mode:
                    part._parameters[key] = torch.nn.Parameter(moved, requires_grad=value.requires_grad)
        for key, buffer in list(part._buffers.items()):
            if buffer is not None:
                part._buffers[key] = on_gpu(buffer, mode)


@pytest.mark.parametrize(
    "name",
    [
        "mini", "liteunet", "unet", "colorunet",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("eccv16", "siggraph17", "resunet18", "vggunet")),
    ],
)  # fmt: skip
def test_colorizing_mixes_no_devices(name: str) -> None:
    from colorize_cli.models.catalog import catalogue
    from colorize_cli.models.generator import Hints

    with _NoRandomStart():
        network = catalogue().get(name).build().eval()
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    _to_fake(network, mode)
    with mode, torch.no_grad():
        lightness = torch.rand(1, 1, 128, 128, device=CUDA) * 100
        hints = Hints(torch.zeros(1, 2, 128, 128, device=CUDA), torch.zeros(1, 1, 128, 128, device=CUDA))
        ab = network.colorize(lightness, hints if network.takes_hints else None)
        assert ab.device.type == "cuda" and ab.shape[:2] == (1, 2)
