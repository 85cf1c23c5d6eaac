"""Options of `colorize train`, each declared once, with its unit and its group in --help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from colorize_cli.cli.completion import complete_data, complete_models, complete_recipes
from colorize_cli.cli.options import FILES, SPEED, option

RECIPE, RUN = "Recipe", "Run"

DataOpt = Annotated[
    list[str] | None,
    option(
        FILES,
        "--data",
        metavar="NAME|PATH",
        help="Training photos: samples, celeba, places365, coco, imagenet, kaggle-colorization; or a folder of photos, "
        "tars or parquet.",
        show_default="the recipe's",
        autocompletion=complete_data,
    ),
]
LimitOpt = Annotated[
    int | None, option(FILES, min=1, metavar="PHOTOS", help="Use at most N photos, drawn by a hash of names.")
]
ValOpt = Annotated[
    float | None,
    option(FILES, min=0.0, max=0.9, metavar="SHARE", help="Share held out, where the data set has no split."),
]
OutOpt = Annotated[
    Path | None, option(FILES, "--out", "-o", metavar="DIR", help="Folder of the run.", show_default="runs/RECIPE-N")
]
RecipeOpt = Annotated[
    str | None,
    option(
        RECIPE,
        "--recipe",
        "-r",
        metavar="NAME|FILE.toml|run.json",
        help="Recipe to train by: a name, a file, or the run.json of an earlier run.",
        show_default="by --data, else mini",
        autocompletion=complete_recipes,
    ),
]
SaveOpt = Annotated[
    Path | None,
    option(RECIPE, "--save-recipe", metavar="FILE.toml", help="Write the recipe with its changes to a file, and exit."),
]
EpochsOpt = Annotated[int | None, option(RECIPE, min=1, metavar="N", help="Epochs to train.")]
RateOpt = Annotated[float | None, option(RECIPE, metavar="RATE", help="Peak learning rate of the generator.")]
SeedOpt = Annotated[int | None, option(RECIPE, min=0, metavar="N", help="Random seed.")]
BestOpt = Annotated[
    str | None,
    option(
        RUN,
        metavar="METRIC",
        help="Metric that best.safetensors is best by: psnr, colorfulness-balanced, lpips, fid or inception_score.",
        show_default="colorfulness-balanced with a discriminator, else psnr",
    ),
]
ListOpt = Annotated[bool, option(RECIPE, "--list-recipes", help="List the recipes, or tell all of --recipe, and exit.")]
SetOpt = Annotated[
    list[str] | None,
    option(
        RECIPE,
        "--set",
        metavar="KEY=VALUE",
        help="Override a field: lr=5e-4, discriminator.lr=1e-4, or terms.0.weight=2.",
    ),
]
SizeOpt = Annotated[int | None, option(RECIPE, min=8, metavar="PX", help="Side of the training pictures in pixels.")]
BatchOpt = Annotated[int | None, option(RECIPE, min=1, metavar="PHOTOS", help="Photos a step, on each process.")]
InitOpt = Annotated[
    str | None, option(RECIPE, metavar="NAME|FILE", help="Start from these weights.", autocompletion=complete_models)
]
ContentOpt = Annotated[str | None, option(RECIPE, metavar="FILE|random", help="VGG-19's weights for content losses.")]
ResumeOpt = Annotated[bool, option(RUN, "--resume", help="Go on with the run in --out, or with the last one.")]
TimeOpt = Annotated[str | None, option(RUN, metavar="45m|2h|90s", help="End cleanly after this time.")]
PushOpt = Annotated[
    str | None, option(RUN, metavar="USER/REPO", help="Send the best checkpoint to the Hub at the end.")
]
WorkersOpt = Annotated[int | None, option(SPEED, min=0, metavar="N", help="Processes that prepare photos.")]
CompileOpt = Annotated[bool, option(SPEED, "--compile", help="Compile the generator: slow to start, then faster.")]
