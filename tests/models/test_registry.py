"""The catalogue is complete, and a registry refuses what cannot be."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from colorize_cli.errors import ExitStatus, ModelNotFoundError, RegistryError
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.registry import HubFile, Published, Registry, Sizes, Url


@pytest.mark.parametrize("name", ["mini", "", "a+b", "user/repo", "two words", "x.pth"])
def test_a_refused_entry_leaves_the_registry_unchanged(name: str) -> None:
    registry = Registry(catalogue())
    before = list(registry)
    with pytest.raises(RegistryError):
        registry.add(replace(registry.get("mini"), name=name))
    assert list(registry) == before


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(RegistryError, match="impossible sizes"):
        Registry([replace(catalogue().get("mini"), sizes=Sizes(short_side=256, multiple=32, max_area=100))])


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        catalogue().get("unte")
    assert str(caught.value) == 'no model "unte". Did you mean "unet"? See them all: colorize models list'
    assert caught.value.exit_status is ExitStatus.nothing_done
    with pytest.raises(ModelNotFoundError, match=r'^no model "zzzzzz"\. See'):
        catalogue().get("zzzzzz")


def test_every_published_model_is_there_with_its_license_and_a_pinned_file() -> None:
    licenses = {spec.name: spec.license for spec in catalogue() if isinstance(spec.weights, Published)}
    assert licenses == {
        "ddcolor": "Apache-2.0",
        "ddcolor-paper": "Apache-2.0",
        "ddcolor-artistic": "Apache-2.0",
        "ddcolor-tiny": "Apache-2.0",
        "siggraph17": "BSD-2-Clause",
        "eccv16": "BSD-2-Clause",
        "deoldify-artistic": "MIT",
        "deoldify-stable": "MIT",
        "deoldify-video": "MIT",
    }
    for spec in catalogue():
        if isinstance(spec.weights, Published):
            assert len(spec.weights.sha256) in (8, 64) or spec.name == "ddcolor-artistic"
            for source in spec.weights.sources:
                if isinstance(source, Url):
                    assert source.url == f"https://{source.host}/{spec.weights.file}"
                else:
                    assert isinstance(source, HubFile)
                    assert source.file == spec.weights.file
            if not spec.weights.sha256:  # then the revision pins it
                assert all(isinstance(s, HubFile) and len(s.revision) == 40 for s in spec.weights.sources)


def test_the_catalogue_is_read_without_torch() -> None:
    code = "import sys; from colorize_cli.models.inventory import status; from colorize_cli.models.catalog import *\n"
    code += "[status(spec) for spec in catalogue()]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
