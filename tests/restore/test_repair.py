"""Repairs are decided on a copy, and done on rows as on the whole."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.data.degradations import noisy, scratched
from colorize_cli.data.print_degradations import faded
from colorize_cli.data.samples import sample_photos
from colorize_cli.errors import UsageError
from colorize_cli.restore.choices import CLASSICAL, Repair, RestoreOptions, parse_repairs
from colorize_cli.restore.damage import bundled_finder, filled
from colorize_cli.restore.repair import HALO, Repairs, examine, mask_rows, plane_of, repaired, repaired_rows, samples_of

AUTO = RestoreOptions(repairs=frozenset(Repair), auto=True)


def grey_of(name: str) -> NDArray[np.uint8]:
    rgb = dict(sample_photos())[name]
    return np.asarray((rgb @ np.array([0.299, 0.587, 0.114])).round(), np.uint8)


def coded(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray((np.clip(plane, 0, 1) * 255).round(), np.uint8)


def found(pixels: NDArray[np.uint8], options: RestoreOptions = AUTO) -> Repairs:
    return examine(plane_of(pixels), lambda: samples_of(pixels), options, bundled_finder)


def test_auto_finds_what_a_photo_needs_and_leaves_a_clean_one_alone():
    cat = grey_of("cat")
    assert not found(cat)
    assert found(coded(noisy(plane_of(cat), 15 / 255, np.random.default_rng(0)))).noise > 10 / 255
    assert found(coded(faded(plane_of(cat), np.random.default_rng(0)))).tones is not None


def test_a_faded_photo_is_told_from_its_noise_and_its_scratches():
    cat = plane_of(grey_of("cat"))
    worn = coded(noisy(faded(cat, np.random.default_rng(3)), 12 / 255, np.random.default_rng(0)))
    clean = coded(faded(cat, np.random.default_rng(3)))
    with_noise, without = found(worn), found(clean)
    assert with_noise.tones == pytest.approx(without.tones, abs=0.03)
    mask = np.zeros(clean.shape, bool)
    mask[20:30, 20:200] = True
    marked = np.where(mask, np.uint8(255), clean)
    only = RestoreOptions(repairs=frozenset({Repair.fading, Repair.scratches}))
    seen = examine(plane_of(marked), lambda: samples_of(marked), only, bundled_finder, mask)
    assert seen.tones == pytest.approx(without.tones, abs=0.02)


def test_some_noise_is_left_unless_more_is_asked_for_or_a_network_does_it():
    assert RestoreOptions().noise_share == 0.75
    assert RestoreOptions(denoise=1.0).noise_share == 1.0
    assert RestoreOptions(restore_model="scunet").noise_share == 1.0
    assert RestoreOptions(repairs=frozenset({Repair.noise}), denoise=0.75).settings()["restore"] == "noise denoise=0.75"


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("color", [False, True])
def test_rows_with_their_halo_become_what_the_whole_becomes(kind: type, color: bool):
    rng = np.random.default_rng(0)
    shape = (700, 90, 3) if color else (700, 90)
    pixels = rng.integers(0, np.iinfo(kind).max, shape).astype(kind)
    repairs = Repairs(noise=0.05, tones=(0.2, 0.7))
    whole = repaired(pixels, repairs)
    assert whole.dtype == kind and whole.shape == shape
    part = repaired_rows(pixels[300 - HALO : 420 + HALO], repairs, 300 - HALO, 700)[HALO:-HALO]
    assert np.abs(part.astype(int) - whole[300:420]).max() <= 1


def test_a_hole_is_filled_from_around_it_and_nothing_else_changes():
    ramp = np.tile(np.linspace(0.2, 0.8, 80, dtype=np.float32), (60, 1))
    mask = np.zeros(ramp.shape, bool)
    mask[20:24, 10:70] = True
    holed = np.where(mask, np.float32(1), ramp)
    back = filled(holed, mask)
    assert np.abs(back - ramp).max() < 0.02
    assert (back[~mask] == holed[~mask]).all()


def test_beside_a_scratch_only_what_it_covers_in_part_is_filled():
    rng = np.random.default_rng(0)
    ground = np.clip(0.3 + 0.02 * rng.standard_normal((60, 80)), 0, 1).astype(np.float32)
    mask, rim = np.zeros(ground.shape, bool), np.zeros(ground.shape, bool)
    mask[30, 10:70], rim[29, 10:70], rim[31, 10:70] = True, True, True
    cover = np.where(mask, np.float32(1), np.where(rim, np.float32(0.25), np.float32(0)))
    cover[31] = 0
    back = filled(ground * (1 - cover) + cover, mask, rim)
    assert np.abs(back[29:31, 12:68] - ground[29:31, 12:68]).mean() < 0.03
    assert (back[31] == ground[31]).mean() > 0.9 and (back[33:] == ground[33:]).all()


def test_what_a_person_masked_is_filled_and_nothing_beside_it():
    grey = np.tile(np.arange(40, 200, 2, dtype=np.uint8), (60, 1))
    grey[20:23] = 255
    mask = np.zeros(grey.shape, bool)
    mask[21] = True
    options = RestoreOptions(repairs=frozenset({Repair.scratches}))
    repairs = examine(plane_of(grey), lambda: samples_of(grey), options, bundled_finder, mask)
    changed = repaired(grey, repairs) != grey
    assert not changed[~mask].any() and (repaired(np.where(mask, 0, grey).astype(np.uint8), repairs)[mask] > 0).all()


def test_a_mask_of_a_copy_covers_its_place_at_full_size():
    mask = np.zeros((30, 40), bool)
    mask[10, 5:30] = True
    full = mask_rows(mask, 0, (300, 400), 300)
    assert full[100:110, 50:300].all() and not full[:80].any() and not full[130:].any()
    assert (mask_rows(mask, 90, (50, 400), 300) == full[90:140]).all()


def test_dust_and_scratches_are_found_and_filled():
    cat = grey_of("cat")
    plane, truth = scratched(plane_of(cat), np.random.default_rng(4))
    worse = coded(plane)
    repairs = found(worse, RestoreOptions(repairs=frozenset({Repair.scratches})))
    assert repairs.mask is not None
    both = 2 * (repairs.mask & truth).sum() / (repairs.mask.sum() + truth.sum())
    better = repaired(worse, repairs)
    error = [float(np.square(one[truth].astype(float) - cat[truth]).mean()) for one in (worse, better)]
    assert both > 0.6 and error[1] < error[0] / 4


def test_names_are_read_and_others_refused():
    assert parse_repairs("auto") == (CLASSICAL, True)
    assert parse_repairs("auto, faces") == (frozenset(Repair), True)
    assert parse_repairs("noise, scratches") == (frozenset({Repair.noise, Repair.scratches}), False)
    with pytest.raises(UsageError, match="'dust' is no repair"):
        parse_repairs("dust")
    with pytest.raises(UsageError, match="outside 0 to 1"):
        RestoreOptions(denoise=2)


def test_it_is_said_in_how_many_places_damage_was_filled_and_where():
    mask = np.zeros((100, 200), bool)
    mask[20:30, 150:160] = mask[90, 5] = True
    assert Repairs(mask).notes == (
        "restored: filled dust and scratches: 0.51 % of the picture, in 2 places, "
        "the largest about 77 % from the left and 24 % from the top",
    )
    assert Repairs(mask, exact=True).notes == ("restored: filled dust and scratches: 0.51 % of the picture",)
