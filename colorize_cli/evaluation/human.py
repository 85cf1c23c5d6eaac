"""The real-or-fake test: a page to show to people, and what their answers say.

In:  an evaluation that kept its pictures; files of answers
Out: one page of HTML; the share of pairs in which the made-up colors were taken for real, with Wilson intervals
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from colorize_cli.errors import DataError, ExitStatus, in_words, printable, quoted
from colorize_cli.evaluation.columns import GREY, TRUTH
from colorize_cli.evaluation.page import script_json
from colorize_cli.evaluation.result import Evaluation
from colorize_cli.evaluation.statistics import Figure, wilson
from colorize_cli.files.small_files import read_plain
from colorize_cli.pages.shared import with_shared

FORMAT = "colorize-cli-human/1"
_MOST_BYTES = 16 << 20  # of one participant's answers


@dataclass(frozen=True)
class HumanTest:
    """How the test runs.

    Attributes:
        pairs: that count, for each participant.
        seconds: for which a pair is seen; the participant's page can change it.
        repeats: pairs shown again with the sides swapped, to see whether answers are stable.
        checks: pairs whose fake nobody can miss, to see whether somebody looks.
        seed: of the draw of the photos.
    """

    pairs: int = 20
    seconds: float = 1.0
    repeats: int = 3
    checks: int = 2
    seed: int = 0


def write_human_page(found: Evaluation, how: HumanTest) -> Iterator[bytes]:
    """The page of the test, in pieces of UTF-8.

    Args:
        found: an evaluation that kept its pictures; each row but grey and truth is a model to be compared.
        how: see `HumanTest`.

    Raises:
        DataError: there is no model, or the pictures were not kept.
    """
    gallery = found.gallery
    models = [row for row in (gallery.rows if gallery else []) if row not in (GREY, TRUTH)]
    if gallery is None or not models:
        raise DataError("the test needs a model to be compared", hint="Name one: --model mini")
    count = min(len(found.names), how.pairs)
    drawn = np.random.default_rng(how.seed).choice(len(found.names), size=count, replace=False)
    photos = sorted(drawn.tolist())
    page = with_shared((files("colorize_cli.evaluation") / "human.html").read_text(encoding="utf-8"))
    blocks, digest = [], hashlib.sha256()
    for place, index in enumerate(photos):
        for number, row in enumerate((TRUTH, *models)):
            data = gallery.read(row, index)
            digest.update(data)
            block = base64.b64encode(data)
            blocks.append(f'<script type="text/plain" id="p{place}-{number}">'.encode() + block + b"</script>\n")
    about = {
        "test": digest.hexdigest()[:16],
        "pictures": [printable(found.names[i]) for i in photos],
        "shapes": [gallery.shapes[i] for i in photos],
        "models": [printable(model) for model in models],
        "pairs": count,
        "repeats": min(how.repeats, count),
        "checks": min(how.checks, count),
        "seconds": how.seconds,
    }
    before, after = page.replace("<!--DATA-->", script_json(about)).split("<!--PICTURES-->")
    yield before.encode()
    yield from blocks
    yield after.encode()


@dataclass(frozen=True)
class Participant:
    """One file of answers.

    Attributes:
        name: as typed by the participant, or the file's.
        fooled: share of the pairs that fooled this one.
        checks_passed, checks: attention checks.
        stable, repeats: repeated pairs that got the same answer.
        counted: whether the answers count: no more than half of the checks were missed.
        seconds: for which each pair was seen.
    """

    name: str
    fooled: Figure
    checks_passed: int
    checks: int
    stable: int
    repeats: int
    counted: bool
    seconds: float


@dataclass(frozen=True)
class HumanResults:
    """What the participants said.

    Attributes:
        models: fooling rate of each model, and of how many pairs.
        pictures: picture and model, fooling rate, pairs; those that fooled most first.
        participants: in the order of their files.
        failed: name and reason of files that are no answers.
        notes: what the reader should know.
    """

    models: Mapping[str, tuple[Figure, int]]
    pictures: Sequence[tuple[str, str, Figure, int]]
    participants: Sequence[Participant]
    failed: Sequence[tuple[str, str]]
    notes: Sequence[str]

    @property
    def exit_status(self) -> ExitStatus:
        """0, or 1 where a file could not be read."""
        return ExitStatus.some_failed if self.failed else ExitStatus.done


@dataclass(frozen=True)
class _Trial:
    kind: str
    picture: str
    model: str
    fooled: bool


@dataclass(frozen=True)
class _Answers:
    name: str
    test: str
    seconds: float
    trials: tuple[_Trial, ...]


def _read(path: Path) -> _Answers:
    data: Any = json.loads(read_plain(path, _MOST_BYTES))
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError("not saved by the page of colorize eval --human")
    trials = []
    for trial in data["trials"]:
        sides = (str(trial["real"]), str(trial["chosen"]))
        if trial["kind"] not in ("pair", "repeat", "check") or not set(sides) <= {"left", "right"}:
            raise ValueError(f"an answer that the page does not give: {quoted(trial)}")
        trials.append(_Trial(trial["kind"], str(trial["picture"]), str(trial["model"]), sides[0] != sides[1]))
    if not any(trial.kind == "pair" for trial in trials):
        raise ValueError("it holds no answer")
    return _Answers(str(data.get("participant") or path.stem), str(data["test"]), float(data["seconds"]), tuple(trials))


def _participant(answers: _Answers) -> Participant:
    pairs = [trial for trial in answers.trials if trial.kind == "pair"]
    checks = [trial for trial in answers.trials if trial.kind == "check"]
    repeats = [trial for trial in answers.trials if trial.kind == "repeat"]
    before = {(trial.picture, trial.model): trial.fooled for trial in pairs}
    passed = sum(not trial.fooled for trial in checks)
    return Participant(
        answers.name,
        wilson(sum(trial.fooled for trial in pairs), len(pairs)),
        passed,
        len(checks),
        sum(before.get((trial.picture, trial.model)) == trial.fooled for trial in repeats),
        len(repeats),
        2 * passed >= len(checks),
        answers.seconds,
    )


def human_results(paths: Sequence[Path]) -> HumanResults:
    """Read answers and count.

    Repeats and checks do not count into the rates, nor does a participant who missed more than half of the checks.

    Raises:
        DataError: no file holds answers.
    """
    answers: list[_Answers] = []
    failed: list[tuple[str, str]] = []
    for path in paths:
        try:
            answers.append(_read(path))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            failed.append((str(path), error.strerror or "" if isinstance(error, OSError) else in_words(error)))
    if not answers:
        first = f": {failed[0][0]}: {failed[0][1]}" if failed else ""
        raise DataError(f"no answers{first}", hint="Give the JSON files that the test's page saved.")
    participants = [_participant(one) for one in answers]
    counted = [one for one, who in zip(answers, participants, strict=True) if who.counted]
    by_model: dict[str, list[bool]] = {}
    by_picture: dict[tuple[str, str], list[bool]] = {}
    for one in counted:
        for trial in one.trials:
            if trial.kind == "pair":
                by_model.setdefault(trial.model, []).append(trial.fooled)
                by_picture.setdefault((trial.picture, trial.model), []).append(trial.fooled)
    pictures = [(*key, wilson(sum(votes), len(votes)), len(votes)) for key, votes in by_picture.items()]
    notes = ["Share of pairs in which the made-up colors were taken for real; 50 % is perfect. Wilson 95 % intervals."]
    if missed := len(answers) - len(counted):
        who = "1 participant" if missed == 1 else f"{missed} participants"
        notes.append(f"{who} missed most attention checks: these answers do not count.")
    if len({one.test for one in answers}) > 1:
        notes.append("The answers come from different tests: their photos or models differ.")
    if len({one.seconds for one in answers}) > 1:
        notes.append("Participants looked for different times.")
    return HumanResults(
        {model: (wilson(sum(votes), len(votes)), len(votes)) for model, votes in sorted(by_model.items())},
        sorted(pictures, key=lambda entry: (-entry[2].value, -entry[3], entry[0], entry[1])),
        participants,
        failed,
        notes,
    )
