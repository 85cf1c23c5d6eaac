"""Files of the published layout, under their real names, are pulled and load strictly, key for key."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch

from colorize_cli.errors import WeightsError
from colorize_cli.models import inventory, load
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.load import identify, load_model
from colorize_cli.models.registry import HubFile, Published, Registry
from tests.models import tiny
from tests.models.fill import published_state
from tests.models.loopback import Loopback

# how each file's authors save it: golden name, wrapper, whether the old kind of pickle
FILES = {
    "eccv16": ("eccv16", None, True),
    "siggraph17": ("siggraph17", None, True),
    "ddcolor-tiny": ("ddcolor_tiny", "params", False),
    "ddcolor-artistic": ("ddcolor_large", "params", False),
    "deoldify-artistic": ("deoldify_artistic", "model", True),
    "deoldify-stable": ("deoldify_stable", "model", True),
}


@pytest.mark.slow
@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", FILES)
def test_a_published_file_is_pulled_and_loads_strictly(
    name: str, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden, wrapper, legacy = FILES[name]
    state = published_state(golden)
    extra = {"encoder.arch.head_cls.weight": torch.ones(1000, 8), "encoder.arch.head_cls.bias": torch.ones(1000)}
    saved = {**state, **(extra if golden.startswith("ddcolor") else {})}
    data = tiny.pth({wrapper: saved} if wrapper else saved, legacy)
    spec = catalogue().get(name)
    assert isinstance(spec.weights, Published)
    # The one thing that cannot be as published is the hash; where the Hub says it, it stays unknown.
    sha256 = hashlib.sha256(data).hexdigest()
    known = replace(spec.weights, sha256=sha256[: len(spec.weights.sha256)])
    for source in spec.weights.sources:
        if isinstance(source, HubFile):
            server.repos[source.repo] = {spec.weights.file: data}
        else:
            server.files[f"/mirror/{spec.weights.file}"] = data
            monkeypatch.setenv("COLORIZE_MIRROR", f"{server.url}/mirror")
    for module in (load, inventory):
        monkeypatch.setattr(module, "catalogue", lambda: Registry([replace(spec, weights=known)]))
    model = load_model(name)
    assert server.seen[0].path.endswith(f"/{spec.weights.file}")
    assert model.sha256 == sha256
    kept = model.generator.state_dict()
    assert kept.keys() == state.keys()
    plain = [key for key in state if key.endswith("running_mean")]
    assert all(torch.equal(kept[key], state[key]) for key in plain)
    with torch.inference_mode():
        ab = model.generator.colorize(torch.full((1, 1, 64, 64), 50.0))
    assert ab.shape[:2] == (1, 2)
    assert ab.dtype == torch.float32
    assert torch.isfinite(ab).all()


@pytest.mark.parametrize(
    ("golden", "name"), [("siggraph17", "siggraph17"), ("eccv16", "eccv16"), ("ddcolor_tiny", "ddcolor-tiny")]
)
def test_a_network_is_known_by_its_keys_and_shapes(golden: str, name: str) -> None:
    from tests.models.fill import keys

    state = {key: torch.empty(shape, device="meta") for key, (shape, _) in keys(golden).items()}
    found = identify(state)
    assert found is not None
    assert found.name == name
    first = next(iter(state))
    assert identify({**state, first: torch.empty(3, device="meta")}) is None
    assert identify({key: value for key, value in state.items() if key != first}) is None


def test_only_the_published_classifier_may_be_dropped() -> None:
    from tests.models.fill import keys

    state = {key: torch.empty(shape, device="meta") for key, (shape, _) in keys("ddcolor_tiny").items()}
    assert identify({**state, "encoder.arch.head_cls.weight": torch.empty(1)}) is not None
    assert identify({**state, "encoder.arch.head.weight": torch.empty(1)}) is None
    for spec in catalogue():
        if isinstance(spec.weights, Published):
            expected = ("encoder.arch.head_cls.weight", "encoder.arch.head_cls.bias")
            assert spec.weights.droppable == (expected if spec.name.startswith("ddcolor") else ())


def test_weights_of_another_network_are_refused_by_name_of_the_key() -> None:
    state = published_state("eccv16")
    del state["model1.0.bias"]
    with pytest.raises(WeightsError, match=r"eccv16.*'model1\.0\.bias' is missing"):
        load._strict("eccv16", catalogue().get("eccv16"), state, "")


@pytest.mark.slow
def test_recognising_a_ddcolor_file_does_not_load_torchs_compiler() -> None:
    import subprocess
    import sys

    script = "import sys; from colorize_cli.models.load import _shapes, catalogue"
    script += "; _shapes(catalogue().get('ddcolor-tiny')); sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
