"""A batch by Ray on this machine: the results, the report and the exit status of the local engine."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colorize_cli.cli.app import main
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.source_list import Source
from colorize_cli.pipeline import ray_run
from colorize_cli.pipeline.parts import parts_of
from tests.inference.conftest import Run, command, grey_photo

needs_ray = pytest.mark.skipif(ray_run.find_spec("ray") is None, reason="the extra ray is not installed")


@pytest.mark.parametrize("suffix", [".png", ".jpg", None])
def test_a_part_names_its_results_as_the_whole_batch_does(suffix: str | None):
    names = ["a.jpg", "a.tif", "A.png", "b.jpg", "b.jpg.png", "c.png/x.jpg", "c.jpg", "d.compare.jpg", "d.jpg", "e.gif"]
    names += ["f/g.tif", "f/g.jpg", "F/G.JPG", "h.tar.gif", "h.tar", "b.tif", "a.jpg.tif"]
    names += ["c.variant2.jpg", "c.variant2.tif", "a.variant3.png", "h.tar.variant2.png"]
    sources = [Source(Path("/in", name), Path(name)) for name in names]
    whole = Destinations(sources, Path("/out"))
    for count in (1, 3, 5):
        parts = list(parts_of(sources, whole, range(len(names)), count, variants=3))
        assert [place for part in parts for place in part.places] == list(range(len(names)))
        for part in parts:
            own = Destinations(part.sources, Path("/out"), lifted=part.lifted)
            for number, place in enumerate(part.places):
                out = whole.path(place, suffix)
                assert own.path(number, suffix) == out, names[place]
                assert own.beside(sources[place], out, ".compare.jpg") == whole.beside(
                    sources[place], out, ".compare.jpg"
                )
                for variant in (2, 3):
                    assert own.variant(sources[place], out, variant) == whole.variant(sources[place], out, variant)


def test_a_part_holds_few_others():
    sources = [Source(Path(f"/in/{i}.jpg"), Path(f"{i}.jpg")) for i in range(500)]
    parts = list(parts_of(sources, Destinations(sources, Path("/out")), range(500), 50))
    assert [len(part.sources) for part in parts] == [50] * 10


def results(out: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file() and p.suffix != ".json"
    }


@needs_ray
@pytest.mark.slow
def test_the_same_results_report_and_status_as_the_local_engine(tiny_model: Path, tmp_path: Path, run: Run):
    for number in range(20):
        grey_photo(tmp_path / "in" / f"box{number % 3}" / f"{number}.jpg", seed=number)
    grey_photo(tmp_path / "in" / "same.jpg", seed=30)
    grey_photo(tmp_path / "in" / "same.tif", seed=31)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no picture")
    arguments = [tmp_path / "in", "--format", "png", "--compare"]
    local = run(*arguments, "--out", tmp_path / "local")
    by_ray = run(*arguments, "--out", tmp_path / "ray", "--engine", "ray", "--workers", "2", timeout=600)
    assert (local.returncode, by_ray.returncode) == (1, 1), by_ray.stderr
    assert results(tmp_path / "ray") == results(tmp_path / "local")
    reports = [json.loads((tmp_path / name / "colorize-report.json").read_text()) for name in ("local", "ray")]
    for key in ("counts", "discovered", "losses", "settings"):
        assert reports[0][key] == reports[1][key], key
    rows = [sorted((row["source"], row["status"]) for row in report["photos"]) for report in reports]
    assert rows[0] == rows[1]
    again = run(*arguments, "--out", tmp_path / "ray", "--engine", "ray", "--workers", "2", "--json", timeout=600)
    assert json.loads(again.stdout)["counts"] == {"skipped": 22, "failed": 1}


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("photos", [200, 2000])
def test_a_worker_that_is_killed_is_replaced_and_every_photo_is_done_once(
    tiny_model: Path, tmp_path: Path, photos: int
):
    for number in range(8):
        grey_photo(tmp_path / f"{number}.jpg", (40, 30), seed=number)
    for number in range(photos):
        target = tmp_path / "in" / f"box{number % 10}" / f"{number}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((tmp_path / f"{number % 8}.jpg").read_bytes())
    arguments = [tmp_path / "in", "--out", tmp_path / "out", "--engine", "ray", "--workers", "4"]
    process = subprocess.Popen(command(tiny_model, *arguments, anew=True), stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 900
    while len(list((tmp_path / "out").rglob("*.jpg"))) < photos // 4 and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    os.kill(worker_of(process.pid), signal.SIGKILL)
    _, told = process.communicate(timeout=1800)
    assert process.returncode == 0, told
    assert not re.search(r"\w\.cc:\d+\]|deprecated", told), told  # no words of Ray's
    report = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert report["counts"] == {"done": photos} and len({row["source"] for row in report["photos"]}) == photos
    local = command(tiny_model, tmp_path / "in", "--out", tmp_path / "local")
    assert subprocess.run(local, capture_output=True, timeout=900).returncode == 0
    assert results(tmp_path / "out") == results(tmp_path / "local")
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Addresses of a cluster of one machine: its own, and for clients."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    ports = free_ports(3)
    more = ["--num-cpus=2", "--include-dashboard=false", "--object-store-memory=200000000", "--block"]
    places = [f"--port={ports[0]}", f"--ray-client-server-port={ports[1]}", f"--dashboard-agent-listen-port={ports[2]}"]
    head = subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--disable-usage-stats", *more, *places],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    until = time.monotonic() + 200
    while not listens(ports[1]):
        assert time.monotonic() < until and head.poll() is None
        time.sleep(0.2)
    yield {"client": f"ray://127.0.0.1:{ports[1]}", "own": f"127.0.0.1:{ports[0]}"}
    head.terminate()
    head.wait(timeout=60)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens at, outside of those that Ray gives its workers."""
    found = [port for port in range(21000 + os.getpid() % 9000, 32000) if not listens(port)]
    return found[:count]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["client", "own"])
def test_a_cluster_that_runs_already_does_what_the_local_engine_does(
    tiny_model: Path, tmp_path: Path, run: Run, cluster: dict[str, str], kind: str
):
    for number in range(12):
        grey_photo(tmp_path / "in" / f"{number}.jpg", seed=number)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no picture")
    assert run(tmp_path / "in", "--out", tmp_path / "local").returncode == 1
    by_ray = run(
        tmp_path / "in", "--out", tmp_path / "ray", "--engine", "ray", "--address", cluster[kind], "--json", timeout=600
    )
    assert by_ray.returncode == 1, by_ray.stderr
    assert json.loads(by_ray.stdout)["counts"] == {"done": 12, "failed": 1}
    assert results(tmp_path / "ray") == results(tmp_path / "local")


def children_of(pid: int) -> list[tuple[int, str]]:
    """All processes that a process started, and that those did: numbers and command lines."""
    table = subprocess.run(["ps", "-ewwo", "pid,ppid,args"], capture_output=True, text=True).stdout.splitlines()[1:]
    rows = [line.split(None, 2) for line in table]
    below, grew = {pid}, True
    while grew:
        found = {int(row[0]) for row in rows if int(row[1]) in below}
        grew = not found <= below
        below |= found
    return [(int(row[0]), row[2]) for row in rows if int(row[0]) in below - {pid}]


def worker_of(pid: int) -> int:
    """A process of Ray's that is coloring photos, of those that a process started."""
    return next(number for number, what in children_of(pid) if "MapWorker" in what)


def test_without_ray_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(ray_run, "find_spec", lambda name: None)
    grey_photo(tmp_path / "a.png")
    assert main([str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--engine", "ray"]) == 3
    told = " ".join(capsys.readouterr().err.split())
    assert told == "error: --engine ray needs Ray. Install it: pip install 'ray[data]'"
    assert not (tmp_path / "out").exists()


def test_what_ray_cannot_do_is_refused(tiny_model: Path, tmp_path: Path):
    grey_photo(tmp_path / "a.png")
    for arguments in (
        ["--workers", "2"],
        ["--address", "auto"],
        ["--engine", "ray", "--gallery"],
        ["--engine", "ray", "--consistent"],
        ["--engine", "ray", "--out", str(tmp_path / "one.png")],
        ["--engine", "dask"],
    ):
        assert main([str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), *arguments]) == 2, arguments
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        (
            "ray://127.0.0.1:9",
            3,
            "no cluster of Ray's answers at ray://127.0.0.1:9: Connection refused. See --address.",
        ),
        ("127.0.0.1:9", 3, "no cluster of Ray's answers at 127.0.0.1:9: Connection refused. See --address."),
        ("ray://head", 2, "--address 'ray://head' is none of a cluster. Such as ray://head:10001, or auto."),
        ("head:ray", 2, "--address 'head:ray' is none of a cluster. Such as ray://head:10001, or auto."),
        ("http://head:80", 2, "--address 'http://head:80' is none of a cluster. Such as ray://head:10001, or auto."),
    ],
)
def test_a_cluster_that_is_not_there_is_said_at_once_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
    status: int,
    told: str,
):
    monkeypatch.setattr(ray_run, "find_spec", lambda name: True)
    grey_photo(tmp_path / "a.png")
    arguments = [str(tmp_path), "--out", str(tmp_path / "out"), "--engine", "ray", "--address", address]
    assert main(arguments) == status
    assert " ".join(capsys.readouterr().err.split()) == f"error: {told}"
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ray_is_not_loaded_unless_it_is_asked_for(tiny_model: Path, tmp_path: Path):
    grey_photo(tmp_path / "a.png")
    code = "import sys; from colorize_cli.cli.app import main; main(sys.argv[1:]); "
    code += "print([name for name in ('ray', 'fsspec', 's3fs', 'watchfiles', 'boto3') if name in sys.modules])"
    arguments = command(tiny_model, tmp_path, "--out", tmp_path / "out")[3:]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=100)
    assert done.stdout.strip().endswith("[]"), done.stdout
