"""Options of `colorize train`, each declared once, with its unit and its group in --help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.cli.completion import complete_data, complete_models, complete_recipes
from colorize_cli.cli.options import FILES, SPEED

RECIPE, RUN = "Recipe", "Run"

DataOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="NAME|PATH",
        help="Training photos: samples, celeba, places365, coco, imagenet, kaggle-colorization; or a folder of photos, "
        "tars or parquet.",
        show_default="the recipe's",
        autocompletion=complete_data,
        rich_help_panel=FILES,
    ),
]
LimitOpt = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="PHOTOS", help="Use at most N photos, drawn by a hash of names.", rich_help_panel=FILES
    ),
]
ValOpt = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=0.9,
        metavar="SHARE",
        help="Share held out, where the data set has no split.",
        rich_help_panel=FILES,
    ),
]
OutOpt = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="Folder of the run.",
        show_default="runs/RECIPE-N",
        rich_help_panel=FILES,
    ),
]
RecipeOpt = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        "-r",
        metavar="NAME|FILE.toml|run.json",
        help="Recipe to train by: a name, a file, or the run.json of an earlier run.",
        show_default="by --data, else mini",
        autocompletion=complete_recipes,
        rich_help_panel=RECIPE,
    ),
]
SaveOpt = Annotated[
    Path | None,
    typer.Option(
        "--save-recipe",
        metavar="FILE.toml",
        help="Write the recipe with its changes to a file, and exit.",
        rich_help_panel=RECIPE,
    ),
]
EpochsOpt = Annotated[int | None, typer.Option(min=1, metavar="N", help="Epochs to train.", rich_help_panel=RECIPE)]
RateOpt = Annotated[
    float | None,
    typer.Option(metavar="RATE", help="Peak learning rate of the generator.", rich_help_panel=RECIPE),
]
SeedOpt = Annotated[int | None, typer.Option(min=0, metavar="N", help="Random seed.", rich_help_panel=RECIPE)]
BestOpt = Annotated[
    str | None,
    typer.Option(
        metavar="METRIC",
        help="Metric that best.safetensors is best by: psnr, colorfulness-balanced, lpips, fid or inception_score.",
        show_default="colorfulness-balanced with a discriminator, else psnr",
        rich_help_panel=RUN,
    ),
]
ListOpt = Annotated[
    bool,
    typer.Option("--list-recipes", help="List the recipes, or tell all of --recipe, and exit.", rich_help_panel=RECIPE),
]
SetOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a field: lr=5e-4, adversary.lr=1e-4, terms.0.weight=10.",
        rich_help_panel=RECIPE,
    ),
]
SizeOpt = Annotated[
    int | None,
    typer.Option(min=8, metavar="PX", help="Side of the training pictures in pixels.", rich_help_panel=RECIPE),
]
BatchOpt = Annotated[
    int | None,
    typer.Option(min=1, metavar="PHOTOS", help="Photos a step, on each process.", rich_help_panel=RECIPE),
]
InitOpt = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="Start from these weights.",
        autocompletion=complete_models,
        rich_help_panel=RECIPE,
    ),
]
ContentOpt = Annotated[
    str | None,
    typer.Option(metavar="FILE|random", help="VGG-19's weights for content losses.", rich_help_panel=RECIPE),
]
ResumeOpt = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the run in --out, or with the last one.", rich_help_panel=RUN),
]
TimeOpt = Annotated[
    str | None, typer.Option(metavar="45m|2h|90s", help="End cleanly after this time.", rich_help_panel=RUN)
]
PushOpt = Annotated[
    str | None,
    typer.Option(metavar="USER/REPO", help="Send the best checkpoint to the Hub at the end.", rich_help_panel=RUN),
]
WorkersOpt = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="Processes that prepare photos.", rich_help_panel=SPEED),
]
CompileOpt = Annotated[
    bool,
    typer.Option("--compile", help="Compile the generator: slow to start, then faster.", rich_help_panel=SPEED),
]
