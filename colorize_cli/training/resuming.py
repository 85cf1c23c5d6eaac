"""Going on with a run: what may be different the second time, and what would contradict the run.

In:  a run's folder, and what the user asks for
Out: the run, its configuration with what may change; or a `UsageError` that names what may not
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from colorize_cli.errors import TrainingError, UsageError, counted, printable, quoted
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.recipes import load_recipe
from colorize_cli.training.run_sources import data_names
from colorize_cli.training.runs import SavedRun, read_run
from colorize_cli.training.state import Ema, RunState, last_finite
from colorize_cli.training.step import Trainer

# How long, how often, by how many processes, and where files lie. All else decides what is learned.
MAY_CHANGE = frozenset(
    {
        "samples",
        "epochs",
        "steps",
        "every",
        "keep",
        "sheet",
        "workers",
        "content_weights",
        "val_limit",
        "log_every",
        "patience",
        "best_by",
        "notes",
        "about",
        "sources",
    }
)


def run_to_resume(
    folder: Path,
    overrides: Sequence[str],
    adjust: Callable[[TrainConfig], TrainConfig],
    *,
    recipe: str | None = None,
    data: Sequence[str] = (),
    init: str | None = None,
) -> tuple[SavedRun, TrainConfig]:
    """Read a run, and refuse what contradicts it.

    Args:
        folder: the run's.
        overrides: `key=value` of `--set`.
        adjust: applies the options that stand for fields, such as `--size`.
        recipe: as the user gives it now; None where it is left out.
        data: likewise.
        init: likewise.

    Raises:
        UsageError: there is no run; or something asked for is different from what the run was begun with.
    """
    saved = read_run(folder)
    where, away = (
        printable(folder),
        f"Leave it out to go on; or begin anew: --init {printable(folder / 'best.safetensors')}",
    )
    if init is not None:
        raise UsageError(f"--init begins a run, and {where} goes on from its own state", hint="Leave --init out.")
    if recipe is not None and (asked := load_recipe(recipe)).recipe != saved.config.recipe:
        raise UsageError(f"the run in {where} is of recipe {saved.config.recipe}, not {asked.recipe}", hint=away)
    if data and set(names := data_names(saved.config, data)) != set(saved.data):
        raise UsageError(f"the run in {where} learns from {_listed(saved.data)}, not from {_listed(names)}", hint=away)
    config = adjust(read_run(folder, overrides).config)
    changed = [
        one.name
        for one in fields(TrainConfig)
        if one.name not in MAY_CHANGE and getattr(config, one.name) != getattr(saved.config, one.name)
    ]
    if changed:
        name = changed[0]
        was, new = getattr(saved.config, name), getattr(config, name)
        more = f" (and {counted(len(changed) - 1, 'other field')})" if len(changed) > 1 else ""
        values = (
            f"has {name} = {_value(was)}, not {_value(new)}" if _plain(was) and _plain(new) else f"has other {name}"
        )
        raise UsageError(f"the run in {where} {values}{more}", hint=away)
    return saved, config


def _listed(names: Sequence[str]) -> str:
    return ", ".join(printable(name) for name in names)


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _value(value: object) -> str:
    return value if isinstance(value, str) else quoted(value)


def resumed(file: Path, trainer: Trainer, ema: Ema, on_note: Callable[[str], None]) -> RunState:
    """Load the run's last good state where there is one.

    Args:
        file: the state; where there is none the run begins.
        trainer: its networks and optimizers get what the state has.
        ema: it gets the state's mean weights.
        on_note: told where it is not the last one that was written.

    Raises:
        TrainingError: it is of another run, or damaged.
    """
    if not file.exists():
        return RunState(0, {}, {}, 0, {})
    state = last_finite(file, on_note)
    try:
        trainer.generator.load_state_dict(state.generator)
        trainer.trained_generator.optimizer.load_state_dict(state.optimizer)
        if state.scalers and trainer.trained_generator.scaler.is_enabled():
            trainer.trained_generator.scaler.load_state_dict(state.scalers["generator"])
            if trainer.trained_discriminator is not None:
                trainer.trained_discriminator.scaler.load_state_dict(state.scalers["discriminator"])
        ema.steps = state.ema_steps
        for key, value in ema.state.items():
            value.copy_(state.ema[key])
        if trainer.trained_discriminator is not None:
            trainer.trained_discriminator.network.load_state_dict(state.discriminator)
            trainer.trained_discriminator.optimizer.load_state_dict(state.discriminator_optimizer)
    except (RuntimeError, ValueError, KeyError) as error:
        raise TrainingError(f"{file} is of another run", hint="Train into a new folder: --out runs/NAME") from error
    return state
