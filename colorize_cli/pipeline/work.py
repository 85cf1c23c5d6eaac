"""What an engine is to a run: it does photos, and tells what became of each; and the engine of this process.

In:  a run, the sources of its batch, how results are named, the places of the photos that are to be done
Out: the outcome of each with its place, as they end
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from colorize_cli.errors import EncodeError, UsageError, one_line
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.source_list import Source
from colorize_cli.formats.video.film_files import is_film
from colorize_cli.inference.detail import check_tileable
from colorize_cli.inference.large_files import LargeFileLock
from colorize_cli.inference.loading import LoadedPredictor, NotDownloaded, not_downloaded
from colorize_cli.inference.network_repairs import load_repair_networks
from colorize_cli.inference.option_values import Method
from colorize_cli.inference.photo_guidance import PhotoGuidance
from colorize_cli.inference.predictor import NoPredictor, Predictor
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.models.registry import Sizes
from colorize_cli.pipeline.consistent import Album
from colorize_cli.pipeline.flow import Ended, Flow
from colorize_cli.pipeline.outcome import Outcome
from colorize_cli.pipeline.processor import PhotoProcessor
from colorize_cli.pipeline.run_options import RESTORE, SOFTWARE, RunOptions

if TYPE_CHECKING:
    from colorize_cli.pipeline.run import BatchRun

Item = tuple[int, Source]


@dataclass
class Aside:
    """What is told of a run beside its outcomes.

    Attributes:
        edited: results that another program changed, and that were left, by the places of their sources.
        by_others: places of photos that another run did at the same time.
    """

    edited: dict[int, Path] = field(default_factory=dict)
    by_others: set[int] = field(default_factory=set)


class Work(Protocol):
    """One engine at work on one run.

    Attributes:
        ended: what it has finished that `outcomes` has not given, or gave last; after an interrupt, too.
        lost: why photos that were to be done have no outcome, where that is no fault of the program's.
        aside: what is told beside the outcomes.
    """

    ended: deque[Ended]
    lost: str
    aside: Aside

    def outcomes(self) -> Generator[Ended, None, None]:
        """The outcome of each photo; closed early, it finishes what is being written."""

    def on_entry(self, place: int, outcome: Outcome) -> None:
        """An outcome counts."""

    def close(self) -> None:
        """Give back what it holds."""


class LocalWork:
    """The engine of this process: decode, network, merge and encode side by side.

    Args:
        run: what is to be done; its report is told of the settings.
        sources: the batch.
        destinations: the names of its results.
        places: of the photos that are to be done.

    Raises:
        UsageError, NothingToDoError: see `BatchRun.finish`.
    """

    def __init__(
        self, run: BatchRun, sources: Sequence[Source], destinations: Destinations, places: Sequence[int]
    ) -> None:
        self.run, self.sources, self.places = run, sources, places
        options, report = run.options, run.report
        device, plans = options.model.device, options.batch.dry_run
        repairs = load_repair_networks(options.restore, device, run.notice, run.on_download, plans)
        network = self._network(len(sources))
        if isinstance(network, LoadedPredictor):
            report.settings = {"device": network.device, "precision": network.precision}
        self.predictor = network.predictor if isinstance(network, LoadedPredictor) else NoPredictor()
        self.model = _model_of(network, options)
        guidance = PhotoGuidance.of(
            options.guidance,
            self.model.note,
            sources,
            read=options.read,
            takes_hints=self.model.takes_hints,
            follows_hints=self.model.follows_hints,
            on_notice=run.notice,
        )
        self.gpu = network.gpu if isinstance(network, LoadedPredictor) else None
        lock = LargeFileLock(run.on_part)
        self.processor = PhotoProcessor(options, destinations, self.model.sizes, guidance, lock, self.gpu, repairs)
        self.processor.opener.expect(sources[place].path for place in places)
        report.settings = {
            "software": SOFTWARE,
            "model": self.model.note.model,
            "sha256": self.model.note.sha256,
            **report.settings,
            **dict(self.model.note.settings),
            **options.guidance.settings(),
        }
        self.flow, self.gallery = Flow(options, self.processor, self.predictor), self.processor.gallery
        outputs = self.processor.outputs
        self.ended, self.lost, self.aside = self.flow.ended, "", Aside(outputs.edited, outputs.by_others)

    def outcomes(self) -> Generator[Ended, None, None]:
        """See `Work`."""
        options, sources, predictor, flow = self.run.options, self.sources, self.predictor, self.flow
        upcoming: Iterator[Item] = ((place, sources[place]) for place in self.places)
        if options.guidance.consistent and not options.batch.dry_run and isinstance(predictor, Predictor):
            upcoming = Album(self.processor, predictor, sources, flow.jobs, flow.vividness, self.run.notice).walk()
        films = list[Item]()
        with closing(flow.run(_photos_of(upcoming, films))) as ended:
            yield from ended
        if films:
            from colorize_cli.pipeline.films import Films  # half a hundred modules that photos do without

            with closing(Films(options, self.processor, predictor, self.model.note, self.gpu).run(films)) as ended:
                yield from ended

    def on_entry(self, place: int, outcome: Outcome) -> None:
        """See `Work`."""
        if self.gallery is not None:
            self.gallery.add(place, outcome)

    def close(self) -> None:
        """See `Work`."""
        self.processor.close()
        if self.gallery is None:
            return
        try:
            self.gallery.write(self.run.report.settings)
            self.run.report.gallery = self.gallery.page
        except EncodeError as error:
            self.run.notice(one_line(error))
        finally:
            self.gallery.close()

    def _network(self, photos: int) -> LoadedPredictor | NotDownloaded | None:
        """The network; what is known of it where a plan would have to download it; None where the method takes none."""
        options = self.run.options
        model, guidance = options.model, options.guidance
        if guidance.method is not Method.network or options.restore.only:
            return None
        absent = not_downloaded(model.name) if options.batch.dry_run else None
        if absent is not None:  # a plan downloads nothing
            megabytes = f"{absent.megabytes:,.0f} MB"
            self.run.notice(f"{absent.name} is not downloaded yet: the run will download {megabytes}.")
            return absent
        loaded = self.run.load(photos, self.run.notice)
        check_tileable(loaded.predictor, model.detail)
        if guidance.variants > 1 and loaded.predictor.palette is None:
            raise UsageError(f"model {model.name} gives one coloring only", hint="--variants needs --model mini.")
        return loaded


def _photos_of(upcoming: Iterator[Item], films: list[Item]) -> Iterator[Item]:
    """The photos of what comes; its films go to the list."""
    for item in upcoming:
        if is_film(item[1].path):
            films.append(item)
        else:
            yield item


@dataclass(frozen=True)
class _Model:
    """What the run knows of its network: the sizes at which it sees photos, what it does with hints, its note."""

    note: Provenance
    sizes: Sizes | None = None
    takes_hints: bool = True
    follows_hints: bool = False


def _model_of(network: LoadedPredictor | NotDownloaded | None, options: RunOptions) -> _Model:
    if network is None:
        name = RESTORE if options.restore.only else options.guidance.method.value
        return _Model(options.note(name, ""))
    if isinstance(network, NotDownloaded):
        note = options.note(network.name, network.sha256)
        return _Model(note, network.sizes, network.takes_hints, network.follows_hints)
    model = network.predictor.model
    specs = [member.spec for member in model.members]
    return _Model(
        options.note(model.name, model.sha256),
        specs[0].sizes,
        all(spec.takes_hints for spec in specs),
        all(spec.follows_hints for spec in specs),
    )
