"""Colors that stay the same over an album: which photos show one scene, and what they get from its key photo.

In:  the batch's photos, in order
Out: the same photos, in the same order; before each stretch of them, what they are to get is laid into the guidance

The album goes in stretches of `STRETCH` photos, so memory does not grow with it: of a photo only its descriptors are
kept. Scenes are found within a stretch, and followed from one to the next. What a photo gets depends on the batch
alone, never on which results are there already; a stretch whose results all stand is not even looked at, unless a
later one goes on with its scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from colorize_cli.errors import OutOfMemoryError, PhotoError, one_line, printable
from colorize_cli.files.discover import Source
from colorize_cli.guidance.album import WORK_SIDE, Features, find_features, group_scenes, key_photo, match, same_scene
from colorize_cli.guidance.reference import reduced_size
from colorize_cli.inference.geometry import View, reduced_lightness
from colorize_cli.inference.painting import constrain
from colorize_cli.inference.photo_guidance import Carried
from colorize_cli.inference.predictor import Plane, Predictor
from colorize_cli.pipeline.processor import PhotoProcessor

STRETCH = 32
_NEAR = 8  # places over which a scene is followed from one stretch to the next
_LEAST = 4  # matches from which colors can be carried at all


@dataclass(frozen=True)
class Scene:
    """Photos of one scene in one stretch, by their places in the batch: the key photo's, and all, sorted."""

    key: int
    photos: tuple[int, ...]


@dataclass(frozen=True)
class Stretch:
    """What is known of a stretch: its scenes, and the descriptors of its photos by their place in the batch."""

    scenes: tuple[Scene, ...]
    features: dict[int, Features]


class Album:
    """The order and the ties of one batch.

    Args:
        processor: opens photos, and holds the guidance that is filled here.
        predictor: colors key photos, in the thread that walks through the album.
        sources: the batch.
        jobs: threads that read.
        vividness: as the batch has it.
        on_notice: told what went wrong with a key photo.
    """

    def __init__(
        self,
        processor: PhotoProcessor,
        predictor: Predictor,
        sources: Sequence[Source],
        jobs: int,
        vividness: float | None,
        on_notice: Callable[[str], None],
    ) -> None:
        self.processor, self.predictor, self.sources = processor, predictor, sources
        self.jobs, self.vividness, self.on_notice = jobs, vividness, on_notice
        self._look = lru_cache(maxsize=2)(self._look_at)
        self._ties: dict[int, Carried] = {}  # of this stretch and the one before
        self._colors: dict[int, Plane] = {}

    def walk(self) -> Iterator[tuple[int, Source]]:
        """The photos with their places, in order; those of a stretch come after its key photos were colored."""
        tied_to = -1  # the last stretch whose ties are known
        for number in range(-(-len(self.sources) // STRETCH)):
            places = self._places(number)
            if not all(self.processor.stands(i, self.sources[i]) for i in places):
                first = number
                while first > 0 and first - 1 != tied_to and self._goes_on(first):
                    first -= 1
                for earlier in range(first, number + 1):
                    self._tie(earlier)
                tied_to = number
                for i in places:
                    if i in self._ties:
                        self.processor.guidance.put_from_album(i, self._ties[i])
            yield from ((i, self.sources[i]) for i in places)

    def _places(self, number: int) -> range:
        return range(number * STRETCH, min((number + 1) * STRETCH, len(self.sources)))

    def _look_at(self, number: int) -> Stretch:
        """Find the scenes of a stretch; what cannot be read or has color belongs to none."""
        places = self._places(number)
        with ThreadPoolExecutor(self.jobs, "album") as readers:
            seen = dict(zip(places, readers.map(self._features, places), strict=True))
        features = {i: found for i, found in seen.items() if found is not None}
        order, photos = list(features), list(features.values())
        scenes = [
            Scene(order[key_photo(photos, group)], tuple(order[i] for i in group)) for group in group_scenes(photos)
        ]
        return Stretch(tuple(scenes), features)

    def _features(self, place: int) -> Features | None:
        try:
            opened = self.processor.first_page(self.sources[place])
        except Exception:  # it fails by name when its turn comes
            return None
        if opened is None:
            return None
        view = View(*reduced_size(*opened.size, 4 * WORK_SIDE * WORK_SIDE), 0, 0)
        return find_features(reduced_lightness(opened.pixels, view, opened.space))

    def _before(self, number: int, scene: Scene) -> int | None:
        """The last photo of the stretch before that shows a scene of this one, where there is one."""
        if number == 0:
            return None
        before, here = self._look(number - 1), self._look(number)
        last_first = sorted(before.scenes, key=lambda other: -other.photos[-1])
        for other in last_first:
            if scene.photos[0] - other.photos[-1] > _NEAR:
                return None
            if same_scene(before.features[other.photos[-1]], here.features[scene.photos[0]]):
                return other.photos[-1]
        return None

    def _goes_on(self, number: int) -> bool:
        """Whether a stretch goes on with a scene of the one before."""
        return any(self._before(number, scene) is not None for scene in self._look(number).scenes)

    def _tie(self, number: int) -> None:
        """Say what each photo of a stretch gets, and color the photos it gets it from."""
        kept = {*self._places(number - 1)} if number else set[int]()
        self._ties = {i: tie for i, tie in self._ties.items() if i in kept}
        self._colors = {i: ab for i, ab in self._colors.items() if i in kept}
        for scene in self._look(number).scenes:
            own = self._look(number).features
            before, key = self._before(number, scene), scene.key
            if before is not None:
                old = self._look(number - 1).features[before]
                if len(match(old, own[key])[0]) < _LEAST:
                    key = scene.photos[0]
                self._carry(before, old, key, own[key])
            for i in scene.photos:
                if i != key:
                    self._carry(key, own[key], i, own[i])

    def _carry(self, key: int, key_features: Features, place: int, features: Features) -> None:
        try:
            self._ties[place] = Carried(key_features, self._colors_of(key), features)
        except (PhotoError, OutOfMemoryError, OSError, MemoryError) as error:
            self.on_notice(f"{printable(self.sources[key].path)} gives its scene no colors: {one_line(error)}")

    def _colors_of(self, place: int) -> Plane:
        """The ab of a photo's result, found anew: the result itself may be there already, or written in a lossy way."""
        if place not in self._colors:
            source = self.sources[place]
            opened = self.processor.first_page(source)
            assert opened is not None  # it has features
            sidecars = self.processor.guidance.read(source.path)
            request, known = self.processor.request(opened, sidecars, self._ties.get(place))
            ab = self.predictor.predict([request], self.vividness)[0]
            self._colors[place] = constrain(request.lightness, ab, known.constraint)
        return self._colors[place]
