"""The figures of a run: in `log.jsonl`, and in TensorBoard and Weights & Biases where those are installed.

In:  figures
Out: `log.jsonl`, `steps.jsonl`, `sheets/`, TensorBoard's event files, a run of Weights & Biases
"""

from __future__ import annotations

import io
import json
import math
import os
import uuid
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorize_cli.errors import one_line
from colorize_cli.training.run_report import write_report
from colorize_cli.training.state import cannot_write

Figures = Mapping[str, float | int]
STEPS = "steps.jsonl"  # losses every so many steps; `log.jsonl` has the figures of each checkpoint


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The lines of a log that are whole; a kill may have cut the last one short."""
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):
            break
    return rows


def _tensorboard(folder: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def _logged_in(wandb: Any) -> bool:
    """Whether the user is logged in to Weights & Biases; nobody is asked."""
    try:
        return bool(wandb.login(prompt=False))
    except TypeError:  # of before 2026, which would ask
        return bool(getattr(getattr(wandb, "api", None), "api_key", None))
    except Exception:  # its own kinds, of credentials that are damaged
        return False


def _wandb(folder: Path, goes_on: bool, on_note: Callable[[str], None]) -> Any:
    """A run of Weights & Biases, where it is installed and the user is logged in or says WANDB_MODE; else None.

    Its id stands in the run's folder: two runs of one name are two there, and one that goes on is one.
    """
    try:
        import wandb  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    if not (os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_MODE") or _logged_in(wandb)):
        return None
    file = folder / "wandb-id.txt"
    name = file.read_text(encoding="utf-8").strip() if goes_on and file.is_file() else uuid.uuid4().hex[:12]
    file.write_text(f"{name}\n", encoding="utf-8")
    try:
        found = wandb.init(project="colorize-cli", name=folder.name, dir=str(folder), resume="allow", id=name)
        if os.environ.get("WANDB_MODE") != "disabled":
            on_note("Weights & Biases gets this run's figures and sheets of samples; WANDB_MODE=disabled prevents it.")
        return found
    except Exception as error:  # its own kinds, and whatever the network raises
        on_note(f"Weights & Biases gets nothing of this run: {one_line(error)}")
        return None


class Journal:
    """Writes a run's figures.

    Args:
        folder: the run's.
        done: samples that the state holds; later lines, of steps that a kill undid, are taken out.
        on_note: told what the user should know.
    """

    def __init__(self, folder: Path, done: int, on_note: Callable[[str], None] = lambda note: None) -> None:
        self.folder, self.file = folder, folder / "log.jsonl"
        kept = [row for row in read_rows(self.file) if row.get("samples", 0) <= done] if done else []
        self.rows = kept
        try:
            self.file.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
            steps = [row for row in read_rows(folder / STEPS) if row.get("samples", 0) <= done] if done else []
            (folder / STEPS).write_text("".join(json.dumps(row) + "\n" for row in steps), encoding="utf-8")
            self.board = _tensorboard(folder / "tensorboard")
            self.wandb = _wandb(folder, done > 0, on_note)
        except OSError as error:
            raise cannot_write(self.file, error) from error

    def step(self, figures: Figures) -> None:
        """Write a step's losses, rate and speed.

        Raises:
            TrainingError: the disk is full or not writable.
        """
        clean = {key: round(value, 9) for key, value in figures.items() if math.isfinite(value)}
        try:
            with (self.folder / STEPS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(clean) + "\n")
            self._tell({key: value for key, value in clean.items() if key not in ("step", "samples")}, clean, "step/")
        except OSError as error:
            raise cannot_write(self.folder / STEPS, error) from error

    def _tell(self, values: Figures, at: Figures, prefix: str = "") -> None:
        """Give figures to TensorBoard, and to Weights & Biases where a run of it is on."""
        samples = int(at["samples"])
        if self.board is not None:
            for key, value in values.items():
                self.board.add_scalar(f"{prefix}{key.replace('@', '/')}", value, samples)
        if self.wandb is not None:
            self.wandb.log({f"{prefix}{key}": value for key, value in values.items()}, step=samples)

    def write(self, figures: Figures, picture: bytes | None) -> None:
        """Write a line, and the sheet of samples.

        Raises:
            TrainingError: the disk is full or not writable.
        """
        clean = {key: round(value, 6) for key, value in figures.items() if math.isfinite(value)}
        self.rows.append(clean)
        try:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(clean) + "\n")
                file.flush()
                os.fsync(file.fileno())
            if picture is not None:
                place = self.folder / "sheets"
                place.mkdir(exist_ok=True)
                (place / f"{int(figures['samples']):09d}.png").write_bytes(picture)
            self._tell(clean, figures)
            if picture is not None:
                self._show(picture, int(figures["samples"]))
            if self.board is not None:
                self.board.flush()
            write_report(self.folder, self.rows)
        except OSError as error:
            raise cannot_write(self.file, error) from error

    def _show(self, picture: bytes, samples: int) -> None:
        """Give a sheet of samples to TensorBoard, and to Weights & Biases where a run of it is on."""
        if self.board is None and self.wandb is None:
            return
        with Image.open(io.BytesIO(picture)) as sheet:
            if self.board is not None:
                self.board.add_image("samples", np.asarray(sheet), samples, dataformats="HWC")
            if self.wandb is not None:
                import wandb

                self.wandb.log({"sheet": wandb.Image(sheet)}, step=samples)

    def close(self) -> None:
        """Close TensorBoard's files."""
        if self.board is not None:
            self.board.close()
        if self.wandb is not None:
            self.wandb.finish()
