from __future__ import annotations

from pathlib import Path

import pytest

from colorize_cli.errors import UsageError
from colorize_cli.files.destinations import Destinations, escape
from colorize_cli.files.discover import Source


def plan(*names: str, **options: object) -> Destinations:
    sources = [Source(Path("in") / name, Path(name)) for name in names]
    return Destinations(sources, Path("out"), **options)  # type: ignore[arg-type]


def test_folders_are_mirrored():
    assert plan("a/b/x.jpg").path(0) == Path("out/a/b/x.jpg")


def test_equal_names_are_both_kept():
    sources = [Source(Path("one/x.jpg"), Path("x.jpg")), Source(Path("two/x.jpg"), Path("x.jpg"))]
    destinations = Destinations(sources, Path("out"))
    assert [destinations.path(i).name for i in (0, 1)] == ["x.jpg", "x~2.jpg"]


def test_names_that_differ_in_case_or_normalisation_alone_are_equal():
    destinations = plan("X.jpg", "x.JPG", "\u00e9.jpg", "e\u0301.jpg")
    assert [destinations.path(i).name for i in range(4)] == ["X.jpg", "x~2.JPG", "\u00e9.jpg", "e\u0301~2.jpg"]


def test_a_changed_suffix_never_meets_a_neighbour():
    destinations = plan("x.tif", "x.jpg", "y.gif")
    results = [destinations.path(i, ".png") for i in range(3)]
    assert results == [Path("out/x.tif.png"), Path("out/x.jpg.png"), Path("out/y.png")]


def test_a_suffix_of_the_users_is_added_to_the_stem():
    assert plan("a.b.jpg", suffix="_color").path(0) == Path("out/a.b_color.jpg")


@pytest.mark.parametrize(
    ("name", "safe"),
    [("CON.jpg", "%43ON.jpg"), ("a?b:c.jpg", "a%3Fb%3Ac.jpg"), ("end.", "end%2E"), ("console.jpg", "console.jpg")],
)
def test_names_that_windows_reserves_are_escaped(name: str, safe: str):
    assert escape(name) == safe


def test_a_long_name_with_a_suffix_still_fits_and_stays_itself():
    longs = ["ä" * 120 + f"{end}.jpg" for end in ("one", "two")]
    destinations = plan(*longs, suffix="_colour_of_the_whole")
    first, second = destinations.path(0), destinations.path(1)
    assert len(first.name.encode()) <= 255 and first != second and first.suffix == ".jpg"


def test_a_result_never_lands_on_its_source(tmp_path: Path):
    photo = tmp_path / "x.jpg"
    photo.write_bytes(b"x")
    source = [Source(photo, Path("x.jpg"))]
    with pytest.raises(UsageError, match="would overwrite it"):
        Destinations(source, tmp_path)
    with pytest.raises(UsageError, match="would overwrite it"):
        Destinations(source, tmp_path, single=photo)
    assert Destinations(source, tmp_path, suffix="_color").path(0) == tmp_path / "x_color.jpg"


def test_pictures_beside_results_have_names_of_their_own() -> None:
    names = ("a.jpg", "a.tif", "a.tif.jpg", "b.png", "c.jpg", "c.compare.jpg", "D.jpg", "d.tif")
    sources = [Source(Path("in") / name, Path(name)) for name in names]
    destinations = Destinations(sources, Path("out"))
    results = [destinations.path(i) for i in range(len(names))]
    for ending in (".compare.jpg", ".variants.jpg"):
        beside = [destinations.beside(*pair, ending) for pair in zip(sources, results, strict=True)]
        assert len({str(path).casefold() for path in [*results, *beside]}) == 2 * len(names)
        assert beside[0] == Path(f"out/a{ending}") and beside[1] == Path(f"out/a.tif{ending}")
        assert beside[3] == Path(f"out/b{ending}") and all(path.name.endswith(ending) for path in beside)
    single = Destinations(sources[:1], Path("out"), single=Path("elsewhere/x.png"))
    assert single.beside(sources[0], Path("elsewhere/x.png"), ".compare.jpg") == Path("elsewhere/x.compare.jpg")
