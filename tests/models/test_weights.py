"""Weights are pulled once, checked before every use, and work without a network afterwards."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from colorize_cli.errors import DownloadError, ModelNotFoundError, UsageError, WeightsError
from colorize_cli.models import catalog, inventory, load, weights
from colorize_cli.models.checkpoint import CheckpointInfo, read_tensors, save_checkpoint
from colorize_cli.models.inventory import Presence, State, bring, remove, status, verify
from colorize_cli.models.load import load_model
from colorize_cli.models.networks.mini import Mini
from colorize_cli.models.registry import Registry
from tests.models import tiny
from tests.models.loopback import COMMIT, Loopback, lie, trickle

pytestmark = pytest.mark.usefixtures("impatient", "cache")
STATE = tiny.state()
DATA = tiny.pth({"params": {**STATE, "head.weight": torch.zeros(3)}})
SHA256 = hashlib.sha256(DATA).hexdigest()


def use(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Registry:
    for module in (load, inventory, catalog):
        monkeypatch.setattr(module, "catalogue", lambda: registry)
    load._shapes.cache_clear()
    return registry


@pytest.fixture
def models(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> Registry:
    server.files["/plain-weights.pth"] = DATA
    server.repos["someone/colors"] = {"hub-weights.pth": DATA, "README.md": b"#"}
    return use(tiny.catalogue(DATA, server.url), monkeypatch)


def same(model: load.LoadedModel) -> bool:
    """Whether a model is the function that `STATE` is (its stored numbers are folded)."""
    reference = tiny.Tiny().eval()
    reference.load_state_dict(STATE)
    picture = torch.rand(1, 1, 9, 7) * 100
    with torch.inference_mode():
        return torch.allclose(model.generator.colorize(picture), reference.colorize(picture), atol=1e-4)


@pytest.mark.parametrize("name", ["plain", "hubbed"])
def test_a_model_is_pulled_when_it_is_first_used_and_never_again(name: str, models: Registry, server: Loopback) -> None:
    told: list[tuple[int, int]] = []
    model = load_model(name, lambda done, total: told.append((done, total)))
    assert same(model)
    assert model.sha256 == SHA256
    assert told[-1] == (len(DATA), len(DATA))
    assert not model.generator.training
    server.asked.clear()
    assert same(load_model(name))
    assert server.asked == []


def test_weights_are_kept_as_safetensors_without_the_keys_that_no_layer_reads(models: Registry, cache: Path) -> None:
    load_model("plain")
    kept = cache / "plain" / "weights.safetensors"
    assert set(read_tensors(kept)) == set(STATE)
    assert {path.name for path in (cache / "plain").iterdir()} == {"weights.safetensors", "weights.json", ".lock"}


def test_nothing_is_asked_of_the_network_when_the_user_forbids_it(
    models: Registry, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLORIZE_OFFLINE", "HF_HUB_OFFLINE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1")
            for model in ("plain", "hubbed", "someone/colors"):
                with pytest.raises(DownloadError, match="network is off"):
                    load_model(model)
    assert server.asked == []
    load_model("plain")
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    assert same(load_model("plain"))


def test_a_hash_that_nobody_published_is_asked_of_the_hub_before_the_download(
    server: Loopback, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tiny.catalogue(DATA, server.url, known=False), monkeypatch)
    server.faults = [lie(lambda data: data[:-1] + b"?")]
    assert load_model("hubbed").sha256 == SHA256
    first_bytes = next(i for i, line in enumerate(server.asked) if "/resolve/" in line)
    assert f"GET /api/models/someone/colors/revision/{COMMIT}" in server.asked[:first_bytes]


def test_a_file_in_the_hubs_own_cache_is_not_downloaded(models: Registry, server: Loopback, tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "hub" / "models--someone--colors"
    (folder / "snapshots" / COMMIT).mkdir(parents=True)
    (folder / "snapshots" / COMMIT / "hub-weights.pth").write_bytes(DATA)
    assert same(load_model("hubbed"))
    assert server.asked == []


def test_a_mirror_of_the_users_is_asked_first(
    models: Registry, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORIZE_MIRROR", f"{server.url}/mirror/")
    server.files["/mirror/hub-weights.pth"] = DATA
    load_model("hubbed")
    assert [seen.path for seen in server.seen] == ["/mirror/hub-weights.pth"]


def test_corrupt_weights_are_refused_kept_aside_and_pulled_again(
    models: Registry, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_model("plain")
    kept = cache / "plain" / "weights.safetensors"
    changed = bytearray(kept.read_bytes())
    changed[-1] ^= 1
    kept.write_bytes(changed)
    assert verify("plain").state is State.corrupt
    with monkeypatch.context() as patch:
        patch.setenv("COLORIZE_OFFLINE", "1")
        with pytest.raises(DownloadError):
            load_model("plain")
    assert same(load_model("plain"))
    assert (cache / "plain" / "weights.safetensors.refused").read_bytes() == bytes(changed)
    assert verify("plain").state is State.valid


def test_truncated_weights_are_pulled_again(models: Registry, cache: Path) -> None:
    load_model("plain")
    kept = cache / "plain" / "weights.safetensors"
    kept.write_bytes(kept.read_bytes()[:-8])
    assert status(models.get("plain")).presence is Presence.absent
    assert same(load_model("plain"))


class Evil:
    """Pickles to a call."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("/tmp/colorize-cli-ran-code",)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_holds_code_is_refused_and_named_and_not_run(
    legacy: bool, server: Loopback, monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    data = tiny.pth({"params": {**STATE, "x": Evil()}}, legacy)
    server.files["/plain-weights.pth"] = data
    use(tiny.catalogue(data, server.url), monkeypatch)
    with pytest.raises(WeightsError, match=r"plain-weights\.pth is refused: it holds code \((posix|nt)\.mkdir\)"):
        load_model("plain")
    assert not Path("/tmp/colorize-cli-ran-code").exists()
    assert (cache / "plain" / "plain-weights.pth.refused").exists()
    path = tmp_path / "mine.pt"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(WeightsError, match="holds code"):
        load_model(str(path))
    assert not Path("/tmp/colorize-cli-ran-code").exists()


def test_a_text_is_not_said_to_hold_code(tmp_path: Path) -> None:
    path = tmp_path / "notes.pth"
    path.write_text("colorful: a text that begins with the letter of a call,\nand has a second line\n")
    with pytest.raises(WeightsError, match="damaged, or holds none"):
        load_model(str(path))


@pytest.mark.slow
def test_two_processes_pull_once(server: Loopback, cache: Path) -> None:
    server.files["/plain-weights.pth"] = DATA
    server.always = trickle
    code = (
        "import sys; from colorize_cli.models.weights import pull; from colorize_cli.models.registry import *\n"
        "weights = Published('plain-weights.pth', (Url(sys.argv[1]),), sys.argv[2], 1, ('head.weight',))\n"
        "print(pull('plain', weights).sha256)"
    )
    arguments = [sys.executable, "-c", code, f"{server.url}/plain-weights.pth", SHA256]
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in both] == [SHA256, SHA256]
    assert len(server.seen) == 1


def test_a_repository_loads_by_itself_and_works_offline_afterwards(
    models: Registry, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.repos["me/mine"] = {"model.safetensors": save(STATE)}
    model = load_model("me/mine")
    assert same(model)
    assert model.spec.name == "me/mine"
    assert model.sha256 == hashlib.sha256(save(STATE)).hexdigest()
    server.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert same(load_model("me/mine"))
    assert server.asked == []


def test_a_checkpoint_that_was_pushed_to_the_hub_says_what_it_is(server: Loopback, tmp_path: Path) -> None:
    network = Mini(widths=(8, 8, 8, 8))
    save_checkpoint(
        tmp_path / "c", network.state_dict(), CheckpointInfo("mini", {"widths": (8, 8, 8, 8)}), torch.float16
    )
    server.repos["me/mine"] = {"best.safetensors": (tmp_path / "c").read_bytes(), "last.pth": b"?"}
    model = load_model("me/mine")
    assert model.spec.takes_hints
    assert model.generator.head.in_channels == 8  # type: ignore[union-attr]


def test_which_file_of_a_repository_is_asked_when_there_are_several(models: Registry, server: Loopback) -> None:
    server.repos["me/mine"] = {"a.pth": DATA, "b.pth": tiny.pth(STATE)}
    with pytest.raises(WeightsError, match=r"a\.pth, b\.pth"):
        load_model("me/mine")
    assert same(load_model("me/mine:b.pth"))
    with pytest.raises(DownloadError, match="nobody/nothing"):
        load_model("nobody/nothing")


def test_a_file_of_an_unknown_network_is_refused(models: Registry, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(tiny.pth({**STATE, "more": torch.zeros(1)}))
    with pytest.raises(WeightsError, match="no network that is known"):
        load_model(str(path))


def test_an_unknown_name_is_answered_with_the_nearest(models: Registry) -> None:
    with pytest.raises(ModelNotFoundError, match='no model "plan". Did you mean "plain"'):
        load_model("plan")
    with pytest.raises(ModelNotFoundError, match=r"no checkpoint gone\.pth"):
        load_model("gone.pth")


def test_an_ensemble_has_its_members(models: Registry) -> None:
    model = load_model("plain+hubbed")
    assert [member.name for member in model.members] == ["plain", "hubbed"]
    assert model.sha256 == f"{SHA256}+{SHA256}"
    assert load_model("plain").members[0].generator is not model.members[0].generator


def test_a_bundle_carries_models_to_a_machine_without_network(
    models: Registry, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "stick"
    load_model("hubbed")
    server.asked.clear()
    bring("hubbed", stick, None)
    assert server.asked == []  # what is here is copied
    bring("plain", stick, None)
    assert status(models.get("plain")).presence is Presence.absent  # it went straight to the bundle
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    for name in ("plain", "hubbed"):
        bring(name, None, stick)
        assert same(load_model(name))


def test_a_bundle_may_hold_the_published_file_itself(models: Registry, tmp_path: Path) -> None:
    (tmp_path / "plain-weights.pth").write_bytes(DATA)
    bring("plain", None, tmp_path)
    assert same(load_model("plain"))
    (tmp_path / "hub-weights.pth").write_bytes(DATA + b"!")
    with pytest.raises(WeightsError, match="refused"):
        bring("hubbed", None, tmp_path)


def test_a_corrupt_bundle_is_refused(models: Registry, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    bring("plain", stick, None)
    packed = stick / "plain" / "weights.safetensors"
    packed.write_bytes(packed.read_bytes()[:-1] + b"!")
    with pytest.raises(WeightsError, match="corrupt"):
        bring("plain", None, stick)
    assert status(models.get("plain")).presence is Presence.absent


def test_removing_a_model_leaves_nothing(models: Registry, cache: Path) -> None:
    load_model("plain")
    assert remove("plain") > 0
    assert list(cache.iterdir()) == []
    with pytest.raises(UsageError, match="not downloaded"):
        remove("plain")
    (cache / "plain").mkdir(parents=True)
    (cache / "plain" / "lock").touch()  # of a download that came to nothing
    with pytest.raises(UsageError, match='"plain" is not downloaded'):
        remove("plain")


def test_weights_pinned_anew_are_pulled_anew(
    models: Registry, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_model("plain")
    newer = tiny.pth(tiny.state(seed=1))
    server.files["/plain-weights.pth"] = newer
    use(tiny.catalogue(newer, server.url), monkeypatch)
    assert load_model("plain").sha256 == hashlib.sha256(newer).hexdigest()


def test_a_full_disk_is_noticed_before_the_download(
    models: Registry, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: os.terminal_size((0, 0)) and _Usage())
    with pytest.raises(DownloadError, match="are free"):
        load_model("plain")
    assert server.seen == []


class _Usage:
    free = 10
