"""The folder where pulled weights are kept, and folders like it: a bundle for a machine without network.

In:  a model's name
Out: its entry: `NAME/weights.safetensors`, and `NAME/weights.json` that says what it is and what it must hash to
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from colorize_cli.errors import WeightsError
from colorize_cli.files.atomic import replacing, write_text

CHECKPOINT_FORMAT = "colorize-cli/1"  # what the header of a checkpoint of this program says


def sha256_of(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Record:
    """What is known of stored weights.

    Attributes:
        file: the published file's name.
        published_sha256: its SHA-256.
        source: where it came from.
        sha256, bytes: of the safetensors file that was made from it.
        name: of the model; records of earlier versions have none.
    """

    file: str
    published_sha256: str
    source: str
    sha256: str
    bytes: int
    name: str = ""


@dataclass(frozen=True)
class Entry:
    """A model's place in a store."""

    folder: Path
    name: str = ""

    @property
    def weights(self) -> Path:
        """The safetensors file; of a network that is kept as a graph, its ONNX file."""
        return self.graph if self.graph.is_file() else self.folder / "weights.safetensors"

    @property
    def graph(self) -> Path:
        """Where an ONNX file is kept, as it was published."""
        return self.folder / "weights.onnx"

    @property
    def record_file(self) -> Path:
        """What says what it is; written last, so that it speaks of a file that is whole."""
        return self.folder / "weights.json"

    def record(self, sha256: str = "") -> Record | None:
        """The record, if weights are here that were made from the file of this SHA-256 (or prefix); not hashed."""
        try:
            record = Record(**json.loads(self.record_file.read_text(encoding="utf-8")))
            whole = self.weights.stat().st_size == record.bytes
        except (OSError, ValueError, TypeError):
            return None
        return record if whole and record.published_sha256.startswith(sha256) else None

    def is_here(self, sha256: str = "") -> bool:
        """Whether weights of that hash are here; a look at names and sizes only."""
        return self.record(sha256) is not None

    def sound(self, record: Record) -> bool:
        """Whether the weights hash to what the record says; otherwise they are corrupt."""
        return sha256_of(self.weights) == record.sha256

    def commit(self, file: str, published_sha256: str, source: str) -> Record:
        """Record the weights that lie in the folder now."""
        stored = sha256_of(self.weights)
        record = Record(file, published_sha256, source, stored, self.weights.stat().st_size, self.name)
        write_text(self.record_file, json.dumps(asdict(record), indent=2) + "\n")
        return record

    def refuse(self) -> Path:
        """Put corrupt weights aside, under a name that is never loaded."""
        aside = self.weights.with_name(f"{self.weights.name}.refused")
        os.replace(self.weights, aside)
        self.record_file.unlink(missing_ok=True)
        return aside

    def copy_from(self, other: Entry, sha256: str) -> Record:
        """Take another store's entry over, checking every byte.

        Raises:
            WeightsError: it is corrupt, or is not what the SHA-256 (or prefix) names.
        """
        record = other.record(sha256)
        if record is None:
            raise WeightsError(f"{other.folder} does not hold the weights that are wanted")
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / other.weights.name) as part:
            shutil.copyfile(other.weights, part)
            if sha256_of(part) != record.sha256:
                raise WeightsError(f"{other.weights} is corrupt", hint="Make the bundle again.")
        return self.commit(record.file, record.published_sha256, record.source)

    def remove(self) -> int:
        """Delete the entry, what was refused or half-brought included; returns how many bytes that frees."""
        freed = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        shutil.rmtree(self.folder, ignore_errors=True)
        return freed


@dataclass(frozen=True)
class Store:
    """A folder of entries."""

    root: Path

    def entry(self, name: str) -> Entry:
        """The place of a catalogue name, or of `user/repo` on the Hub."""
        safe = "".join(c if c.isalnum() or c in "-_." else "--" for c in name)
        return Entry(self.root / safe, name)

    def entries(self) -> list[Entry]:
        """The places of all weights that are here, by their names."""
        found = []
        for file in sorted(self.root.glob("*/weights.json")):
            record = Entry(file.parent).record()
            if record is not None:
                # of records without a name the folder's is what the Hub's was made into
                found.append(Entry(file.parent, record.name or file.parent.name.replace("--", "/", 1)))
        return sorted(found, key=lambda entry: entry.name)


def default_store() -> Store:
    """`COLORIZE_CACHE`, or `colorize-cli` among the assets in the Hub's cache (`HF_HOME`)."""
    if chosen := os.environ.get("COLORIZE_CACHE"):
        return Store(Path(chosen).expanduser())
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{base}/huggingface"
    assets = os.environ.get("HF_ASSETS_CACHE") or f"{home}/assets"
    return Store(Path(os.path.expandvars(assets)).expanduser() / "colorize-cli")
