"""What the pipeline does with `--restore`: mend a photo after reading, and write it where it is not to be colored.

In:  an opened photo
Out: the same, mended; or the written file
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from colorize_cli.files.atomic import on_trial
from colorize_cli.files.discover import Source
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.inference.framing import Framed
from colorize_cli.inference.large_files import LargeFileLock
from colorize_cli.inference.masks import read_mask, write_mask
from colorize_cli.inference.network_repairs import NO_NETWORKS, RepairNetworks, networked
from colorize_cli.inference.prepared_photo import Opened, paint
from colorize_cli.inference.restoring import restored
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.restore.choices import RestoreOptions

_NOTHING = "restored nothing: nothing was found to mend"


def mend(
    source: Source,
    framed: Framed,
    pages: Sequence[int],
    options: RestoreOptions,
    size: tuple[int, int],
    networks: RepairNetworks = NO_NETWORKS,
) -> tuple[Opened, tuple[str, ...]]:
    """Mend the pages that are to be colored; with what was done.

    Args:
        source: the photo.
        framed: the same, as it was read and seen to.
        pages: those that are to be colored.
        options: what is asked for.
        size: width and height of its first page in its file, which masks have.
        networks: those that mend or enlarge.

    Raises:
        PhotoError: its rows, or its mask, cannot be read.
        WeightsError: the network that finds damage is missing.
    """
    given = None if options.masks is None else framed.mask(read_mask(options.masks, source, size))
    fill = None if networks.inpaint is None else networks.inpaint.fill
    mended = restored(framed.opened, pages, options, given, fill=fill)
    if options.masks_out is not None and 0 in pages:
        mask, frame = mended.masks.get(0), framed.frames.get(0)
        write_mask(options.masks_out, source, mask if mask is None or frame is None else frame.back(mask), size)
    opened, by_networks = networked(mended.opened, pages, networks, options, mended.noisy.__contains__)
    told = (*mended.notes, *by_networks)
    return opened, told if framed or not options.repairs else told or (_NOTHING,)


def write_mended(
    opened: Opened,
    out: Path,
    note: Provenance,
    settings: EncodeSettings,
    *,
    verifies: bool,
    lock: LargeFileLock,
    workers: int,
    notes: tuple[str, ...],
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Write a photo that was mended and is not to be colored; what was odd, and what was verified.

    Raises:
        PhotoError: the result cannot be written, or is not what it should be.
    """
    reader = opened.reader
    with on_trial(out, verifies) as place:
        with lock.hold_for(reader, "writing") as on_rows:
            written = paint(reader, {}, place, settings, note, on_rows, workers)
        if not verifies:
            return written.notes, {}
        from colorize_cli.inference.verify import verify  # with every reader of metadata, for few runs

        reader.let_go()
        spaces, told = [preview.space for preview in opened.previews], (*notes, *written.notes)
        with lock.hold_for(reader, "verifying") as on_rows:
            return written.notes, verify(reader, spaces, place, settings, on_rows, workers, notes=told)
