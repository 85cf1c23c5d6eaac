"""All that is known of one model.

In:  a name of the list, or one that the user gave; a checkpoint's file; a run's folder
Out: facts by name, as `models info` shows them
"""

from __future__ import annotations

from pathlib import Path

from colorize_cli.models import weights
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.ensemble import named_path
from colorize_cli.models.inventory import status_of
from colorize_cli.models.registry import Bundled, ModelSpec, Published


def facts_of(name: str) -> dict[str, object]:
    """All that is known of a model: one of the list, one that was added, a checkpoint's file, or a run's folder.

    Raises:
        ModelNotFoundError: there is none.
        WeightsError: the file holds no model.
    """
    path = named_path(name)
    if path.is_file() and name not in catalogue():
        return _file_facts(path)
    row = status_of(name)
    spec, sha256, sources = row.spec, None, list[str]()
    if isinstance(spec.weights, Published):
        sources = [f"{source.host}/{spec.weights.file}" for source in spec.weights.sources]
        sha256 = spec.weights.sha256 or "as the Hub says at the pinned revision"
    elif isinstance(spec.weights, Bundled) and row.size:
        sha256 = weights.recorded_sha256(spec.weights)
    facts: dict[str, object] = {
        "name": spec.name,
        "summary": spec.summary,
        "parameters": spec.parameters or None,
        "bytes": row.size,
        "license": spec.license,
        "source": spec.source,
        "files": sources,
        "sha256": sha256,
        "state": row.presence.value,
        "path": str(row.path) if row.path else None,
    }
    if isinstance(spec, ModelSpec):
        facts |= {
            "takes_hints": spec.takes_hints,
            "follows_vividness": spec.vivid,
            "short_side": spec.sizes.short_side,
            "stretched_to_a_square": spec.sizes.square,
        }
    return facts


def _file_facts(path: Path) -> dict[str, object]:
    from colorize_cli.models.checkpoint import is_checkpoint, read_info
    from colorize_cli.models.load import load_model

    model = load_model(str(path))
    facts: dict[str, object] = {
        "name": path.name,
        "network": model.spec.name if not is_checkpoint(path) else read_info(path).network,
        "parameters": sum(parameter.numel() for parameter in model.generator.parameters()),
        "bytes": path.stat().st_size,
        "sha256": model.sha256,
        "path": str(path),
        "takes_hints": model.spec.takes_hints,
        "follows_vividness": model.spec.vivid,
    }
    if is_checkpoint(path):
        info = read_info(path)
        facts |= {"arguments": info.arguments, "recipe": info.recipe, "data": info.data, "version": info.version}
        facts |= {"figures": {key: round(value, 4) for key, value in info.figures.items()}}
    return facts
