"""`colorize models`: what a person types and reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colorize_cli.cli.app import main
from colorize_cli.models import inventory, load
from colorize_cli.models.registry import Registry
from tests.models import tiny
from tests.models.loopback import Loopback
from tests.models.test_weights import DATA, SHA256, same

pytestmark = pytest.mark.usefixtures("impatient", "cache")


@pytest.fixture
def models(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = tiny.catalogue(DATA, server.url)
    server.files["/plain-weights.pth"] = DATA
    server.repos["someone/colors"] = {"hub-weights.pth": DATA}
    for module in ("load", "inventory", "catalog"):
        monkeypatch.setattr(f"colorize_cli.models.{module}.catalogue", lambda: registry)
    load._shapes.cache_clear()
    return registry


def test_the_list_says_what_is_here_and_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if line.startswith("deoldify-artistic"))
    for fact in ("63.6 M", "255 MB", "MIT", "data.deepai.org/deoldify", "not downloaded"):
        assert fact in line
    assert "bundled" in next(line for line in shown.splitlines() if line.startswith("mini"))


def test_the_list_is_there_for_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["siggraph17"]["takes_hints"]
    assert rows["siggraph17"]["bytes"] == 136_787_426
    assert rows["ddcolor"]["stretched_to_a_square"]
    assert rows["unet"]["state"] == "train it"


def test_pull_verify_path_remove(
    models: Registry, server: Loopback, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "pull", "--all"]) == 0
    assert len(server.seen) == 2
    assert main(["models", "pull", "plain"]) == 0
    assert len(server.seen) == 2  # nothing is pulled twice
    capsys.readouterr()
    assert main(["models", "verify"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"plain: valid  {SHA256}", f"hubbed: valid  {SHA256}"]
    assert main(["models", "path", "plain"]) == 0
    kept = Path(capsys.readouterr().out.strip())
    assert kept.parent == cache / "plain"
    kept.write_bytes(kept.read_bytes()[:-1] + b"!")
    assert main(["models", "verify", "plain"]) == 1
    assert "plain: corrupt" in capsys.readouterr().out
    assert main(["models", "remove", "plain", "hubbed"]) == 0
    assert list(cache.iterdir()) == []
    assert main(["models", "path", "plain"]) == 2


def test_an_air_gapped_bundle(
    models: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Loopback
) -> None:
    stick = tmp_path / "stick"
    assert main(["models", "pull", "--all", "--to", str(stick)]) == 0
    asked = len(server.asked)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    assert main(["models", "pull", "--all", "--from", str(stick)]) == 0
    assert same(load.load_model("plain"))
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["pull", "plian"], 3, 'no model "plian". Did you mean "plain"?'),
        (["pull"], 2, "no model is named"),
        (["remove", "plain"], 2, '"plain" is not downloaded'),
        (["info", "nobody"], 3, 'no model "nobody"'),
    ],
)
def test_mistakes_are_answered_in_a_line(
    arguments: list[str], status: int, says: str, models: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *arguments]) == status
    assert says in capsys.readouterr().err


def test_offline_says_so(models: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["models", "pull", "hubbed"]) == 3
    shown = capsys.readouterr().err
    assert "the network is off" in shown
    assert "--from DIR" in shown


def test_the_bundled_model_cannot_be_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "remove", "mini"]) == 2
    assert "part of the package" in capsys.readouterr().err
    assert inventory.status(inventory.catalogue().get("mini")).presence is inventory.Presence.bundled  # type: ignore[attr-defined]
