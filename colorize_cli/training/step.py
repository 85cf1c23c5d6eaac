"""One optimisation step of a generator, with or without a discriminator.

In:  a batch on the device, what the schedule says of the step
Out: losses by name, as scalars on the device; the networks changed
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from colorize_cli.color.lab import AB_MAX
from colorize_cli.data.pairs import Batch
from colorize_cli.errors import UsageError
from colorize_cli.models.generator import Generator
from colorize_cli.training.adversarial import Discriminator, see
from colorize_cli.training.config import Optimizer, TrainConfig
from colorize_cli.training.content import ContentLoss, rgb_of
from colorize_cli.training.losses import RECONSTRUCTION
from colorize_cli.training.outputs import Classes, Prediction, predict, target_color
from colorize_cli.training.schedule import Turn
from colorize_cli.training.tasks import task_of

Losses = dict[str, Tensor]


Group = dict[str, Any]  # an optimizer's `params`, and `rate`, a factor on the learning rate


def grouped(network: nn.Module, encoder_rate: float = 1.0) -> list[Group]:
    """A network's parameters, those of its `encoder` with a factor on their learning rate."""
    named = list(network.named_parameters())
    inner = [parameter for name, parameter in named if name.startswith("encoder.")]
    outer = [parameter for name, parameter in named if not name.startswith("encoder.")]
    if encoder_rate == 1.0:
        return [{"params": [parameter for _, parameter in named], "rate": 1.0}]
    return [{"params": inner, "rate": encoder_rate}, {"params": outer, "rate": 1.0}]


def freeze(network: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Take parts of a network out of the training.

    Args:
        network: whose weights at these names get no gradient from now on.
        names: how the names of the weights begin.

    Returns:
        The modules that stay in evaluation mode, so that statistics of norms do not move.

    Raises:
        UsageError: a name is no part of the network, or nothing would be left to train.
    """
    parts = dict(network.named_parameters())
    for name in names:
        if not any(key.startswith(name) for key in parts):
            raise UsageError(
                f"frozen: no weight of this network begins with {name!r}; its first is {next(iter(parts))}"
            )
    for key, parameter in parts.items():
        if key.startswith(tuple(names)):
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in parts.values()):
        raise UsageError("frozen: all of the network's weights; leave some to train")
    return [module for key, module in network.named_modules() if names and f"{key}.".startswith(tuple(names))]


def make_optimizer(
    kind: Optimizer, groups: Sequence[Group], lr: float, betas: tuple[float, float], weight_decay: float
) -> torch.optim.Optimizer:
    """An optimizer by name; of `betas` rmsprop takes none and sgd the first, as its momentum."""
    wanted: list[Any] = [
        {**group, "params": [parameter for parameter in group["params"] if parameter.requires_grad]} for group in groups
    ]
    if kind == "adam":
        return torch.optim.Adam(wanted, lr=lr, betas=betas, weight_decay=weight_decay)
    if kind == "rmsprop":
        return torch.optim.RMSprop(wanted, lr=lr, weight_decay=weight_decay)
    if kind == "sgd":
        return torch.optim.SGD(wanted, lr=lr, momentum=betas[0], weight_decay=weight_decay)
    return torch.optim.AdamW(wanted, lr=lr, betas=betas, weight_decay=weight_decay)


class NotFiniteError(ArithmeticError):
    """A loss or a gradient is NaN or infinite.

    Args:
        name: which.
        value: what it is.
    """

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name} is {value}")


def agreed_finite(accelerator: Accelerator, loss: Tensor) -> bool:
    """Whether a loss is a number on every process, so that all stop at the same step."""
    finite = torch.isfinite(loss.detach()).float()
    if accelerator.num_processes > 1:
        finite = accelerator.reduce(finite, "mean")
    return bool(finite == 1)


def average_gradients(accelerator: Accelerator, module: nn.Module) -> None:
    """Replace every process's gradients by their mean.

    One reduction of all of them, rather than a wrapper around the networks: a discriminator runs two or three times a
    step, and in the generator's part its own gradients are not wanted at all.
    """
    if accelerator.num_processes == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    flat = accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), "mean")
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


class TrainedNetwork:
    """A network with its optimizer.

    Args:
        network: on its device.
        optimizer: over its parameters.
        lr: its peak rate.
        clip: largest norm of its gradient, 0 for no limit.
    """

    def __init__(
        self, accelerator: Accelerator, network: nn.Module, optimizer: torch.optim.Optimizer, lr: float, clip: float
    ) -> None:
        self.accelerator, self.network, self.optimizer, self.lr, self.clip = accelerator, network, optimizer, lr, clip
        half = accelerator.mixed_precision == "fp16"
        self.scaler = torch.amp.GradScaler(accelerator.device.type, enabled=half)
        self.gathering = False  # whether gradients of earlier batches wait for an update

    def set_rate(self, lr: float) -> None:
        """Set the learning rate of the next update."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group.get("rate", 1.0)  # states of earlier runs have none

    def update(self, name: str, loss: Tensor, turn: Turn) -> None:
        """Go down the loss's slope, once the gradients of all the turn's batches are there.

        Raises:
            NotFiniteError: the loss or its slope is no number; the network is as it was.
        """
        if not agreed_finite(self.accelerator, loss):
            raise NotFiniteError(name, float(loss.detach()))
        if not self.gathering:
            self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss / turn.batches).backward()  # type: ignore[no-untyped-call]
        self.gathering = not turn.last
        if self.gathering:
            return
        average_gradients(self.accelerator, self.network)
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.clip or math.inf)
        if not self.scaler.is_enabled() and not torch.isfinite(norm):  # a scaled loss overflows now and then: skipped
            raise NotFiniteError(f"the gradient of {name}", float(norm.detach()))
        self.scaler.step(self.optimizer)
        self.scaler.update()


class Trainer:
    """Everything that changes in a step.

    Args:
        config: the run.
        accelerator: devices, precision, processes.
        generator: on the device; call, the same, or compiled.
        classes: the classification objective, if a term asks for it.
        content: the content loss, if a term asks for it.
        discriminator: the discriminator, if there is one.
    """

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        generator: Generator,
        call: Callable[..., Any],
        classes: Classes | None,
        content: ContentLoss | None,
        discriminator: Discriminator | None,
    ) -> None:
        self.config, self.accelerator, self.generator = config, accelerator, generator
        self.call: Callable[..., Any] = call
        self.classes, self.content, self.discriminator = classes, content, discriminator
        self.frozen = freeze(generator, config.frozen)
        optimizer = make_optimizer(
            config.optimizer, grouped(generator, config.encoder_rate), config.lr, config.betas, config.weight_decay
        )
        self.trained_generator = TrainedNetwork(accelerator, generator, optimizer, config.lr, config.clip)
        self.trained_discriminator: TrainedNetwork | None = None
        if discriminator is not None:
            how = discriminator.how
            optimizer = make_optimizer(how.optimizer, grouped(discriminator.network), how.lr, how.betas, 0.0)
            self.trained_discriminator = TrainedNetwork(accelerator, discriminator.network, optimizer, how.lr, 0.0)

    def set_to_train(self) -> None:
        """Training mode for the generator, but for what is frozen."""
        self.generator.train()
        for module in self.frozen:
            module.eval()

    def step(self, batch: Batch, turn: Turn, factor: float, adversarial: bool) -> Losses:
        """Train on a batch.

        Args:
            batch: on the device.
            turn: the update that it is part of.
            factor: on the learning rates.
            adversarial: whether the discriminator takes part.

        Returns:
            Losses by name, weights included: `loss`, or with a discriminator D_fake, D_real, D, G_GAN and G; and each
            term, G_L1 and so on.
        """
        discriminator, trained = self.discriminator, self.trained_discriminator
        if discriminator is None or trained is None or not adversarial:
            alone = discriminator.how.pretrain_lr if discriminator is not None else self.trained_generator.lr
            self.trained_generator.set_rate(alone * factor)
            with self.accelerator.autocast():
                terms = task_of(self.config).terms(self, batch)
            total = torch.stack(list(terms.values())).sum()
            self.trained_generator.update("loss", total, turn)
            return {"loss": total.detach(), **{key: value.detach() for key, value in terms.items()}}

        self.trained_generator.set_rate(self.trained_generator.lr * factor)
        trained.set_rate(trained.lr * factor)
        plays = (turn.number + 1) % discriminator.how.discriminator_steps == 0
        with self.accelerator.autocast(), torch.set_grad_enabled(plays):
            prediction = predict(self.generator, self.call, batch)
        assert prediction.color is not None
        real = see(batch.lightness, target_color(batch, self.generator.channels))
        fake = see(batch.lightness, prediction.color)
        discriminator.network.requires_grad_(True)
        with self.accelerator.autocast():
            losses_of_d = discriminator.losses(real, fake)
        trained.update("D", losses_of_d.total, turn)
        discriminator.limit_weights()
        losses = {"D_fake": losses_of_d.fake, "D_real": losses_of_d.real, "D": losses_of_d.total}
        if plays:
            discriminator.network.requires_grad_(False)  # its gradients are not wanted here
            with self.accelerator.autocast():
                terms = {
                    "G_GAN": discriminator.how.weight * discriminator.fooled(fake),
                    **self._terms(prediction, batch),
                }
            total = torch.stack(list(terms.values())).sum()
            self.trained_generator.update("G", total, turn)
            losses |= {**terms, "G": total}
        return {key: value.detach() for key, value in losses.items()}

    @property
    def rate(self) -> float:
        """The generator's learning rate of the last step."""
        return float(self.trained_generator.optimizer.param_groups[-1]["lr"])

    def color_terms(self, batch: Batch) -> Losses:
        """What the generator makes of a batch, measured against the truth; see `_terms`."""
        return self._terms(predict(self.generator, self.call, batch), batch)

    def _terms(self, prediction: Prediction, batch: Batch) -> Losses:
        """The generator's losses against the truth, each times its weight."""
        found: Losses = {}
        for term in self.config.terms:
            if term.loss == "cross_entropy":
                assert self.classes is not None
                parts = self.classes.losses(prediction, batch)
                found["G_CE"] = term.weight * parts["G_CE"]
                if "G_teacher" in parts:
                    found["G_teacher"] = term.weight * parts["G_teacher"]
                if "G_label" in parts:
                    found["G_label"] = parts["G_label"]
                continue
            assert prediction.color is not None
            if term.loss == "content":
                assert self.content is not None
                value = self.content(
                    rgb_of(batch.lightness, prediction.color[:, -2:] * AB_MAX), rgb_of(batch.lightness, batch.ab)
                )
            else:
                target = target_color(batch, prediction.color.shape[1])
                value = RECONSTRUCTION[term.loss](prediction.color, target)
            found[f"G_{term.loss.upper()}"] = term.weight * value
        return found
