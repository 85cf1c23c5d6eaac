"""Which pages of a photo are given color, and what color of its own each keeps.

In:  the pages as they were seen whole; what `--on-color` says
Out: `PagePlan`: pages to color, regions to keep, and what the report says of them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from colorize_cli.color.keep import Kept
from colorize_cli.color.tint import Kind, OwnColor, own_color
from colorize_cli.inference.option_values import OnColor
from colorize_cli.inference.previews import Preview


@dataclass(frozen=True)
class PagePlan:
    """What is done with a photo's pages.

    Attributes:
        pages: those that are given color.
        kept: the regions of them whose own color stays.
        doubt: why a person had better look, and what to type then; empty where the photo is no borderline case.
    """

    pages: tuple[int, ...]
    kept: Mapping[int, Kept] = field(default_factory=dict)
    doubt: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report says of the regions that were kept."""
        many = len(self.pages) > 1
        return tuple(
            f"kept the color of {_percent(kept.share)} of {f'page {number + 1}' if many else 'the picture'}"
            " (a stamp, ink, mount, tinting or the like)"
            for number, kept in sorted(self.kept.items())
        )

    @property
    def figures(self) -> dict[str, float]:
        """Share of the picture whose color was kept, [0, 1]: the largest of its pages."""
        return {"kept_share": round(max(k.share for k in self.kept.values()), 4)} if self.kept else {}


def plan_pages(previews: Sequence[Preview], on_color: OnColor) -> PagePlan:
    """Decide what is done with each page."""
    if on_color is OnColor.recolor:
        return PagePlan(tuple(range(len(previews))))
    found = [own_color(preview.pixels, preview.space) for preview in previews]
    doubt = next((_doubt(own, on_color) for own in found if own.borderline), "")
    pages = tuple(i for i, own in enumerate(found) if _to_color(own, on_color))
    kept = {i: kept for i in pages if (kept := Kept.of(found[i])) is not None}
    return PagePlan(pages, kept, doubt)


def _to_color(own: OwnColor, on_color: OnColor) -> bool:
    if on_color is OnColor.keep_regions:
        return own.kind is not Kind.colored
    return own.kind is Kind.monochrome and not own.borderline  # whoever asks for copies wants nothing painted over


def _doubt(own: OwnColor, on_color: OnColor) -> str:
    if not _to_color(own, on_color):
        return "may be black-and-white, and was left as a photo in color; --on-color recolor colors it"
    return "may be a photo in color, and was colored; --on-color copy copies it"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"
