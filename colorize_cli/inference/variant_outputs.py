"""Several plausible colorings of one photo: how they are asked for, and what their files say.

In:  requests whose plain colors are found otherwise; a seed
Out: for each variant beyond the first, ab of each request, (2, h, w), Lab units; names and notes of the files
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from colorize_cli.guidance.variants import objects, variant_hints
from colorize_cli.inference.painting import constrain
from colorize_cli.inference.photo_guidance import Known
from colorize_cli.inference.predictor import HintPlanes, Plane, Predictor, Request
from colorize_cli.metadata.provenance import Provenance

_VARIANT = re.compile(r"(.+)\.variant\d+$")


def base_stem(stem: str) -> str | None:
    """The stem of the photo that a file is called as a variant of; None where it is not called as one."""
    found = _VARIANT.match(stem)
    return found[1] if found else None


def variant_note(note: Provenance, number: int, seed: int) -> Provenance:
    """The note of a variant; how many there are does not change it."""
    settings = {**dict(note.settings), "variant": str(number), "seed": str(seed)}
    return replace(note, settings=tuple(sorted(settings.items())))


def predict_variants(
    predictor: Predictor,
    requests: Sequence[Request],
    plain: Sequence[Plane],
    known: Sequence[Known],
    count: int,
    seed: int,
    vividness: float | None,
) -> list[list[Plane]]:
    """Predict the variants beyond the first of pictures.

    Args:
        predictor: of a model that gives probabilities.
        requests: the pictures.
        plain: the first variant of each, ab, (2, h, w): what a variant leaves alone keeps these colors.
        known: what is known of the colors of each, which holds in every variant.
        count: of variants with the first, which is the plain result.
        seed: of the choices.
        vividness: as `Predictor.predict` takes it.

    Returns:
        For each picture the variants 2 to `count`, each ab, (2, h, w), Lab units.
    """
    bins = predictor.palette
    assert bins is not None  # the pipeline refuses other models
    asked: list[Request] = []
    likelihoods = predictor.probabilities(requests)
    for request, first, own, likely in zip(requests, plain, known, likelihoods, strict=True):
        _, h, w = likely.shape
        lightness = np.asarray(cv2.resize(request.lightness, (w, h), interpolation=cv2.INTER_AREA), np.float32)
        found = objects(likely, bins, lightness)
        kept = np.stack([cv2.resize(plane, (w, h), interpolation=cv2.INTER_AREA) for plane in first])
        for index in range(1, count):
            hints = variant_hints(likely, bins, lightness, seed, index, found=found, plain=kept)
            fine = hints.resized((request.lightness.shape[0], request.lightness.shape[1]))
            fine = fine if own.shown is None else own.shown.over(fine)
            asked.append(Request(request.lightness, HintPlanes(fine.ab, fine.mask)))
    colors = predictor.predict(asked, vividness)
    each = count - 1
    return [
        [constrain(request.lightness, ab, own.constraint) for ab in colors[i * each : (i + 1) * each]]
        for i, (request, own) in enumerate(zip(requests, known, strict=True))
    ]
