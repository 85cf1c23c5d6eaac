"""What a training run is, as frozen data; `recipes.py` reads it from TOML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from colorize_cli.data.transforms import Augmentation

Loss = Literal["cross_entropy", "l1", "l2", "rmse", "least_squares", "smooth_l1", "content", "damage"]
Optimizer = Literal["adamw", "adam", "rmsprop", "sgd"]
Task = Literal["colorize", "find_damage"]


@dataclass(frozen=True)
class Stage:
    """A part of training at one picture size.

    Attributes:
        until: end of the stage, as a share of all samples, (0, 1].
        size: side of the training pictures, pixels.
        batch: samples a step, on each process.
    """

    until: float
    size: int
    batch: int


@dataclass(frozen=True)
class Term:
    """One loss of the generator, times its weight.

    Attributes:
        loss: `cross_entropy` fits networks that classify; `content` compares VGG-19's features; `damage` those that
            find it; the others compare colors, of which L is divided by 50 (and moved to [-1, 1]) and ab by 110.
        weight: its lambda.
        distance: of the content loss: l1, l2 or rmse.
    """

    loss: Loss
    weight: float = 1.0
    distance: Literal["l1", "l2", "rmse"] = "l2"


@dataclass(frozen=True)
class DiscriminatorConfig:
    """The discriminator, and how it is trained.

    Attributes:
        kind: the objective.
        network, network_args: the discriminator.
        generator_loss: of gan: "non_saturating" is -log D(G), "minimax" log(1 - D(G)), as first printed.
        weight: lambda of the generator's adversarial loss.
        optimizer, lr, betas: of the discriminator; the rate follows the generator's schedule.
        smoothing: label of real pictures in the discriminator's loss (gan only); 1 for no smoothing.
        margin: of ebgan.
        clip: wgan keeps every weight within +- this.
        discriminator_steps: discriminator steps for each step of the generator; each sees a fresh batch.
        after: epochs of training without the discriminator first; the generator's optimiser starts anew behind them.
        pretrain_lr: the generator's rate in these epochs.
    """

    kind: Literal["gan", "lsgan", "ebgan", "wgan"] = "gan"
    network: Literal["dcgan", "patchgan", "autoencoder", "pooling"] = "patchgan"
    network_args: dict[str, Any] = field(default_factory=dict)
    generator_loss: Literal["non_saturating", "minimax"] = "non_saturating"
    weight: float = 1.0
    optimizer: Optimizer = "adam"
    lr: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    smoothing: float = 1.0
    margin: float = 1.0
    clip: float = 0.01
    discriminator_steps: int = 1
    after: int = 0
    pretrain_lr: float = 1e-4


@dataclass(frozen=True)
class Distillation:
    """A trained network from whose probabilities over colors the generator learns, beside the truth.

    Attributes:
        weights: a checkpoint, or a model's name; a network that classifies over the same bins.
        share: of the loss that comes from the teacher, [0, 1], on samples without hints; of those with hints it has
            not seen, all comes from the truth.
    """

    weights: str
    share: float = 0.7


@dataclass(frozen=True)
class DataChoice:
    """One data set of a run.

    Attributes:
        name: of a known data set, or a path.
        limit: most photos, drawn by a hash of their names; 0 for all.
        select: labels to take, with wildcards; none for all.
    """

    name: str
    limit: int = 0
    select: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of a run that has several.

    Attributes:
        name: of its folder.
        changes: fields of the recipe that are different in it.
        init: the part whose weights it starts from; "" for the run's own start.
        mean: parts whose weights it is the mean of, instead of being trained.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    init: str = ""
    mean: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes:
        recipe: its name; about, what it restates, in a line; notes, what was chosen where the source is silent.
        sources: by the name of a field, where its value comes from: the paper's section, or who chose it.
        data: the data sets that it is meant for.
        task: what the network learns: to color, or to find dust and scratches.
        generator: catalogue name of the network; generator_args its arguments.
        encoder_weights: "random" (or "") for none, a file for a pretrained encoder, or where its publishers put it:
            "torchvision" (resunet18, vggunet), "package" (liteunet).
        encoder_rate: factor on the learning rate of the encoder's weights, where a network has one by that name.
        frozen: parts of the generator that stay as they are, by the beginning of their weights' names (`encoder.` is
            the whole encoder): neither weights nor statistics of norms change, and no gradient goes through those at
            the network's start, which saves time.
        content_weights: "torchvision", a file, or "random" features, for content losses.
        targets: of cross-entropy over bins: "soft" shares a color among its five nearest bins, "one_hot" gives it to
            the nearest.
        terms: losses of the generator; discriminator, the one it trains against, or none; teacher, a network to learn
            from, or none.
        samples, epochs, steps: how long; the first that is not 0 counts.
        sampling: "sources" draws from each source with weight n ** source_power, again and again; "epochs" goes
            through all photos once an epoch.
        stages: sizes and batches, in order; the last one's `until` is 1.
        parts: runs one after the other, and means of their weights; none for a single run.
        optimizer: of the generator; lr its peak learning rate; warmup, samples over which it rises; schedule: "wsd"
            stays and falls linearly over the last `decay` share of the samples, "cosine" falls all the way,
            "linear" falls by a step an epoch over the last `decay` share of the epochs, as pix2pix does, "constant"
            stays.
        weight_decay, betas: the optimizer's.
        clip: largest norm of the gradient; 0 for no limit.
        accumulate: batches whose gradients are averaged into one update of the weights.
        ema: decay of the generator's running mean, per step; 0 exports the generator itself.
        uniform, power: of the rebalancing weights.
        class_weight: weight of the auxiliary class head's loss; 0 for no head.
        source_weights: with "sources", factors on a source's weight by its name, with wildcards; the first that fits.
        short_side: photos are decoded to this, pixels; limit, most photos in all (0: as `data` says).
        val: held-out share; val_limit, most photos measured; val_size, their side in pixels.
        train_photos, val_photos: exactly so many train and are held out, where there are enough photos; of fewer, the
            same shares. 0: as `val` and `split` say.
        split: "official" where the data set says its parts, elsewhere by a hash of the name; "hash" always so.
        every: samples between checkpoints; 0 for an epoch.
        keep: keep a checkpoint of every epoch.
        log_every: steps between lines of losses in `log.jsonl`; 0 for none.
        best_by: by what the best checkpoint is chosen: psnr, colorfulness-balanced, lpips, fid, inception_score; "" is
            the second with a discriminator, else the first.
        patience: checkpoints without a better one after which the run ends; 0 for never.
        sheet: photos on the sheet of samples.
        vividness: at which validation measures, where the network has that.
        export: number format of exported weights.
        seed: decides everything drawn at random.
        deterministic: use only algorithms that give the same numbers each time, even where others are faster.
        workers: processes that prepare photos; -1 for one beside a CPU, up to eight beside a GPU.
    """

    recipe: str
    about: str = ""
    notes: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    data: tuple[DataChoice, ...] = ()
    task: Task = "colorize"
    generator: str = "mini"
    generator_args: dict[str, Any] = field(default_factory=dict)
    encoder_weights: str = ""
    encoder_rate: float = 1.0
    frozen: tuple[str, ...] = ()
    content_weights: str = "torchvision"
    targets: Literal["soft", "one_hot"] = "soft"
    terms: tuple[Term, ...] = (Term("cross_entropy"),)
    discriminator: DiscriminatorConfig | None = None
    teacher: Distillation | None = None
    samples: int = 0
    epochs: int = 0
    steps: int = 0
    sampling: Literal["sources", "epochs"] = "epochs"
    stages: tuple[Stage, ...] = (Stage(1.0, 64, 64),)
    parts: tuple[Part, ...] = ()
    optimizer: Optimizer = "adamw"
    lr: float = 1e-3
    warmup: int = 0
    schedule: Literal["wsd", "cosine", "linear", "constant"] = "constant"
    decay: float = 0.25
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 0.0
    accumulate: int = 1
    ema: float = 0.0
    uniform: float = 0.5
    power: float = 0.5
    class_weight: float = 0.0
    source_power: float = 0.5
    source_weights: dict[str, float] = field(default_factory=dict)
    augmentation: Augmentation = Augmentation()
    short_side: int = 128
    limit: int = 0
    val: float = 0.02
    train_photos: int = 0
    val_photos: int = 0
    val_limit: int = 384
    val_size: int = 128
    split: Literal["hash", "official"] = "official"
    every: int = 0
    keep: bool = False
    log_every: int = 50
    best_by: str = ""
    patience: int = 0
    sheet: int = 8
    vividness: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    export: Literal["float16", "float32"] = "float32"
    seed: int = 0
    deterministic: bool = False
    workers: int = -1

    @property
    def classifies(self) -> bool:
        """Whether the generator learns a probability over colors rather than a color."""
        return any(term.loss == "cross_entropy" for term in self.terms)
