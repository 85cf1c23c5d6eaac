"""The default command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from colorize_cli.cli import console
from colorize_cli.cli.memory import bound_process, collect_from_now_on
from colorize_cli.cli.options import (
    CodecOpt,
    CompareOpt,
    ConsistentOpt,
    DeinterlaceOpt,
    DeviceOpt,
    DryRunOpt,
    FilesFromOpt,
    FormatOpt,
    GalleryOpt,
    HintsOpt,
    MethodOpt,
    ModelOpt,
    OnColorOpt,
    OutOpt,
    OverwriteOpt,
    PhotosArg,
    PrecisionOpt,
    QualityOpt,
    RecursiveOpt,
    ReferenceOpt,
    SalvageOpt,
    SaturationOpt,
    SeedOpt,
    ShardOpt,
    SidecarsOpt,
    StorageOpt,
    StripOpt,
    SuffixOpt,
    VariantsOpt,
    VividnessOpt,
)
from colorize_cli.cli.progress import DownloadMeters, photo_progress
from colorize_cli.cli.quantities import parse_amount
from colorize_cli.cli.restoration_options import (
    CropOpt,
    DenoiseOpt,
    FaceWeightOpt,
    InpaintOpt,
    InvertOpt,
    MaskOpt,
    MaskOutOpt,
    RestoreModelOpt,
    RestoreOnlyOpt,
    RestoreOpt,
    UpscaleModelOpt,
    UpscaleOpt,
    restore_options,
)
from colorize_cli.cli.threads import share_cores
from colorize_cli.cli.usage import check_words
from colorize_cli.cli.work_options import (
    AddressOpt,
    BatchOpt,
    DetailOpt,
    Engine,
    EngineOpt,
    JobsOpt,
    JsonOpt,
    MaxMemoryOpt,
    MaxPixelsOpt,
    OverlapOpt,
    PhotoTimeoutOpt,
    QuietOpt,
    ReportOpt,
    TileOpt,
    VerifyOpt,
    WorkersOpt,
)
from colorize_cli.errors import UsageError, printable
from colorize_cli.files.shards import Shard
from colorize_cli.files.stores import as_url, is_url, parse_options
from colorize_cli.inference.option_values import Method, OnColor, OutputFormat, Precision, Sidecars, Strip
from colorize_cli.restore.choices import Crop, Inpaint, Invert

if TYPE_CHECKING:
    from colorize_cli.pipeline.staging import Staging


def colorize(
    photos: PhotosArg = None,
    files_from: FilesFromOpt = None,
    out: OutOpt = Path("colored"),
    format: FormatOpt = OutputFormat.keep,
    quality: QualityOpt = None,
    codec: CodecOpt = None,
    deinterlace: DeinterlaceOpt = False,
    overwrite: OverwriteOpt = False,
    suffix: SuffixOpt = "",
    recursive: RecursiveOpt = True,
    shard: ShardOpt = None,
    storage_option: StorageOpt = None,
    compare: CompareOpt = False,
    gallery: GalleryOpt = False,
    dry_run: DryRunOpt = False,
    strip: StripOpt = Strip.none,
    sidecars: SidecarsOpt = Sidecars.copy,
    salvage: SalvageOpt = False,
    model: ModelOpt = "mini",
    device: DeviceOpt = "auto",
    precision: PrecisionOpt = Precision.auto,
    vividness: VividnessOpt = None,
    saturation: SaturationOpt = 1.0,
    on_color: OnColorOpt = OnColor.keep_regions,
    hints: HintsOpt = None,
    method: MethodOpt = Method.network,
    reference: ReferenceOpt = None,
    variants: VariantsOpt = 1,
    seed: SeedOpt = 0,
    consistent: ConsistentOpt = False,
    restore: RestoreOpt = None,
    restore_only: RestoreOnlyOpt = False,
    crop: CropOpt = Crop.off,
    invert: InvertOpt = Invert.off,
    denoise: DenoiseOpt = None,
    restore_model: RestoreModelOpt = None,
    upscale: UpscaleOpt = None,
    upscale_model: UpscaleModelOpt = None,
    face_weight: FaceWeightOpt = 0.5,
    inpaint: InpaintOpt = Inpaint.classical,
    mask: MaskOpt = None,
    mask_out: MaskOutOpt = None,
    detail: DetailOpt = "auto",
    tile: TileOpt = 0,
    overlap: OverlapOpt = None,
    max_pixels: MaxPixelsOpt = "1G",
    batch: BatchOpt = 0,
    jobs: JobsOpt = 0,
    engine: EngineOpt = Engine.local,
    address: AddressOpt = None,
    workers: WorkersOpt = 0,
    max_memory: MaxMemoryOpt = "0",
    photo_timeout: PhotoTimeoutOpt = None,
    verify: VerifyOpt = False,
    report: ReportOpt = None,
    json: JsonOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Colorize photos and films, keeping their lightness, metadata, depth and format.

    A folder is mirrored under --out. Of several inputs, or a list, each keeps its path below the deepest folder that
    has them all: `box0 box1` give OUT/box0/... and OUT/box1/...; so name the folder above them if more will come.
    Where two photos would get one name (a.jpg and a.tif with --format png, A.jpg and a.jpg), all of these get their old
    suffix or a hash of their own path added (a.jpg.png, a~1f2e3d4c.png), whatever their order.
    A result that names its source, unchanged, is not made again. Nothing is ever written over its source.
    """
    inputs, listed = tuple(photos or ()), _listed(files_from)
    if engine is Engine.local and (address or workers):
        raise UsageError("--address and --workers are for --engine ray", hint="Add --engine ray.")
    if not inputs and not listed:
        raise UsageError("no photos given", hint="Try: colorize photos/ --out colored/   or: colorize demo")
    check_words(inputs, out != Path("colored"))
    part = None if shard is None else Shard.parse(shard)
    mending = restore_options(
        restore,
        restore_only,
        denoise,
        mask,
        mask_out,
        crop,
        invert,
        restore_model,
        upscale,
        upscale_model,
        face_weight,
        inpaint,
    )
    most = parse_amount(max_memory, "--max-memory", 1024)
    bound_process(most, device, precision)
    from colorize_cli.inference.photo_options import (
        FilmOptions,
        GuidanceOptions,
        ReadOptions,
        WriteOptions,
    )  # numpy loads here
    from colorize_cli.pipeline.colorizer import Colorizer
    from colorize_cli.pipeline.run_options import BatchOptions

    colorizer = Colorizer(
        model,
        device=device,
        precision=precision,
        batch=batch,
        vividness=vividness,
        saturation=saturation,
        on_color=on_color,
        detail=detail,
        tile=tile,
        overlap=overlap,
    )
    with _staging(inputs, listed, out, storage_option) as staging:
        with (
            DownloadMeters(quiet) as downloads,
            photo_progress("Colorizing", quiet, lambda: share_cores(colorizer), json) as on_progress,
        ):
            run = colorizer.run(
                BatchOptions(
                    photos=inputs,
                    listed=listed,
                    recursive=recursive,
                    out=out if staging is None else staging.out,
                    staging=staging,
                    suffix=suffix,
                    overwrite=overwrite,
                    dry_run=dry_run,
                    sidecars=sidecars,
                    jobs=jobs,
                    photo_timeout=photo_timeout,
                    report=report,
                    gallery=gallery,
                    shard=part,
                ),
                guidance=GuidanceOptions(
                    method=method, hints=hints, reference=reference, variants=variants, seed=seed, consistent=consistent
                ),
                read=ReadOptions(max_pixels=parse_amount(max_pixels, "--max-pixels"), max_memory=most, salvage=salvage),
                write=WriteOptions(format=format, quality=quality, strip=strip.value, compare=compare, verify=verify),
                restore=mending,
                film=FilmOptions(codec=codec, deinterlace=deinterlace),
                on_progress=on_progress,
                on_notice=console.notice,
                on_download=partial(downloads.on_bytes, model),
            )
            if engine is Engine.ray:
                from colorize_cli.pipeline.ray_run import RayRun

                run = RayRun(run, colorizer, address, workers)
            collect_from_now_on()
            result = run.finish()
        console.show(result, as_url(out) if is_url(out) else str(out), json, quiet)
    raise typer.Exit(result.exit_status)


def _staging(
    inputs: Sequence[str], listed: Sequence[str], out: Path, options: list[str] | None
) -> AbstractContextManager[Staging | None]:
    """What stands for object stores, where photos or results lie in one."""
    if not is_url(out) and not any(map(is_url, inputs)) and not any(map(is_url, listed)):
        if options:
            raise UsageError("--storage-option is for photos or results in a store", hint="Such as s3://bucket/folder.")
        return nullcontext()
    from colorize_cli.pipeline.staging import Staging

    if any(map(is_url, listed)):
        inputs = [*inputs, *listed]
    return Staging(inputs, out, parse_options(options or ()))


def _listed(files_from: str | None) -> Sequence[str]:
    if files_from is None:
        return ()
    from colorize_cli.files.lists import MAX_BYTES, read_list
    from colorize_cli.files.small_files import read_stream

    try:
        if files_from == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            data = read_stream(Path(files_from), MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read the list {printable(files_from)}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"the list {printable(files_from)} is larger than {MAX_BYTES >> 30} GiB")
    return read_list(data)
