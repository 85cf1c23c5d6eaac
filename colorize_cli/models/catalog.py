"""The list of models.

Out: a registry of every network that this program knows, without importing one of them
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from colorize_cli.models.registry import Bundled, ModelSpec, Registry, Sizes

if TYPE_CHECKING:
    from colorize_cli.models.generator import Generator


def _mini(**arguments: Any) -> Generator:
    from colorize_cli.models.mini import Mini

    return Mini(**arguments)


@lru_cache
def catalogue() -> Registry:
    """Every model, bundled first, then the published, then those that are only trained here."""
    return Registry(
        [
            ModelSpec(
                name="mini",
                build=_mini,
                sizes=Sizes(short_side=256, multiple=32, max_area=256 * 1024),
                takes_hints=True,
                tileable=True,
                weights=Bundled("mini.safetensors"),
                licence="see its model card",
                source="bundled",
                parameters=11_185_093,
                summary="Bundled; classifies ab at a quarter of the input's size; takes hints.",
                vivid=True,
            ),
        ]
    )
