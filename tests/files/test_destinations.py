from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorize_cli.errors import EncodeError, UsageError
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Source
from colorize_cli.files.names import digest, escape, key


def plan(*names: str, **options: object) -> Destinations:
    sources = [Source(Path("in") / name, Path(name)) for name in names]
    return Destinations(sources, Path("out"), **options)  # type: ignore[arg-type]


def test_folders_are_mirrored():
    assert plan("a/b/x.jpg").path(0) == Path("out/a/b/x.jpg")


def test_equal_names_are_both_kept_whatever_their_order():
    names = ("X.jpg", "x.JPG", "\u00e9.jpg", "e\u0301.jpg", "z.jpg")
    results = {name: plan(*names).path(place) for place, name in enumerate(names)}
    assert results["X.jpg"].name == f"X~{digest(Path('X.jpg'))}.jpg"
    assert results["z.jpg"].name == "z.jpg"
    assert len({str(path).casefold() for path in results.values()}) == 5
    for turned in itertools.permutations(names):
        assert {name: plan(*turned).path(place) for place, name in enumerate(turned)} == results


def test_a_name_does_not_depend_on_neighbours_that_do_not_want_it():
    def possible(place: int) -> frozenset[str]:
        return frozenset({(".png", ".tif")[place]})

    destinations = plan("x.gif", "x.tif", possible=possible)
    assert [destinations.path(0, ".png"), destinations.path(1)] == [Path("out/x.png"), Path("out/x.tif")]


def test_a_changed_suffix_never_meets_a_neighbour():
    destinations = plan("x.tif", "x.jpg", "y.gif")
    results = [destinations.path(i, ".png") for i in range(3)]
    assert results == [Path("out/x.tif.png"), Path("out/x.jpg.png"), Path("out/y.png")]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_results_and_what_goes_beside_them_never_share_a_name(suffix: str):
    names = ["a.gif", "a.png", "a.gif.png", "a.gif.png.png", "A.GIF", "a.jpg", "a.tif", "a.jpg.tif", "a.png/x.gif"]
    names += ["a.compare.jpg", "b.jpg", "a.gif.jpg", "a.gif.tif", "b.compare.jpg"]
    for kept in ((), (".png",), (".jpg", ".tif")):
        destinations = plan(*names)
        sources = destinations.sources
        results = [destinations.path(i, None if Path(n).suffix in kept else suffix) for i, n in enumerate(names)]
        beside = [destinations.beside(s, out, ".compare.jpg") for s, out in zip(sources, results, strict=True)]
        taken = [str(path).casefold() for path in (*results, *beside)]
        assert len(set(taken)) == len(taken)
        assert not {str(parent).casefold() for path in results for parent in path.parents} & set(taken)


def test_a_result_never_lands_on_another_photo(tmp_path: Path):
    for name in ("a.jpg", "a_color.jpg"):
        (tmp_path / name).write_bytes(b"x")
    sources = [Source(tmp_path / name, Path(name)) for name in ("a.jpg", "a_color.jpg")]
    destinations = Destinations(sources, tmp_path, suffix="_color")
    with pytest.raises(EncodeError, match=r"would overwrite the photo .*a_color\.jpg"):
        destinations.path(0)
    assert destinations.path(1) == tmp_path / "a_color_color.jpg"


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
    destinations = plan(*longs, suffix="_color_of_the_whole")
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


PARTS = st.sampled_from(["a", "A", "b", "\u00e9", "e\u0301", "a.b", "con"])
NAMES = st.builds(
    lambda folders, stem, suffix: "/".join([*folders, stem + suffix]),
    st.lists(PARTS, max_size=2),
    PARTS,
    st.sampled_from([".jpg", ".JPG", ".png", ".tif", ".gif"]),
)


@settings(max_examples=60, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=10, unique=True), data=st.data())
def test_a_name_depends_on_nothing_else_unless_two_would_be_one_file(names: list[str], data: st.DataObject):
    def results(chosen: list[str]) -> dict[str, Path]:
        def suffix(name: str) -> str | None:
            return ".png" if name.endswith(".gif") else None

        destinations = plan(
            *chosen, possible=lambda place: frozenset({suffix(chosen[place]) or _suffix(chosen[place])})
        )
        return {name: destinations.path(place, suffix(name)) for place, name in enumerate(chosen)}

    all_of_them = results(names)
    assert len({key(path) for path in all_of_them.values()}) == len(names)
    assert results(names[::-1]) == all_of_them
    some = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    fewer = results(some)
    folders = {key(parent) for path in all_of_them.values() for parent in path.parents}
    alone = [key(results([name])[name]) for name in names]
    for name in some:
        own = results([name])[name]
        if alone.count(key(own)) == 1 and key(own) not in folders:
            assert all_of_them[name] == fewer[name] == own


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()
