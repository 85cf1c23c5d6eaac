"""What cannot be read is named, fails alone, and decides the exit status; where results go is asked first."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from colorize_cli.errors import unprintable
from colorize_cli.files import discover as discovery
from colorize_cli.files.discover import discover
from colorize_cli.formats.table import PHOTO_NAMES
from tests.fork_server import python
from tests.inference.conftest import Run, colorize_words, command, grey_photo


def failures(out: Path) -> dict[str, str]:
    report = json.loads((out / "colorize-report.json").read_text(encoding="utf-8"))
    return {row["source"]: row["reason"] for row in report["photos"] if row["status"] == "failed"}


def test_a_folder_that_cannot_be_read_is_a_source_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey_photo(tmp_path / "a.png")
    grey_photo(tmp_path / "closed" / "b.png")
    grey_photo(tmp_path / "open" / "c.png")
    scandir = os.scandir

    def refuse(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(discovery.os, "scandir", refuse)
    found = discover([tmp_path], photos=PHOTO_NAMES)
    assert [(source.path.name, source.fault) for source in found.sources] == [
        ("a.png", ""),
        ("closed", "the folder cannot be read: Permission denied"),
        ("c.png", ""),
    ]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="takes another user's part")
def test_folders_closed_to_this_user_are_named(tiny_model: Path, request: pytest.FixtureRequest) -> None:
    folder = Path(tempfile.mkdtemp())  # pytest's own are closed to others
    request.addfinalizer(lambda: shutil.rmtree(folder))
    photos, out, model = folder / "in", folder / "out", shutil.copy(tiny_model, folder / "tiny.safetensors")
    grey_photo(photos / "a.png")
    grey_photo(photos / "closed" / "b.png")
    out.mkdir()
    folder.chmod(0o755)
    out.chmod(0o777)
    (photos / "closed").chmod(0o700)
    code = (  # the first run loads what the other user may not read: Python's own files lie in a home folder
        "import os, sys; from colorize_cli.cli.app import main; first, *rest = sys.argv[1:]\n"
        "assert main([first, '--out', first + '-out', *rest[3:]]) == 0; os.setuid(65534); sys.exit(main(rest))"
    )
    words = [str(photos / "a.png"), *colorize_words(model, photos, "--out", out)]
    env = {**os.environ, "HOME": str(out), "TMPDIR": str(out)}
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 1, done.stderr
    assert f"failed {photos / 'closed'}: the folder cannot be read: Permission denied" in done.stderr
    assert failures(out) == {str(photos / "closed"): "the folder cannot be read: Permission denied"}
    assert (out / "a.png").exists()


def test_a_missing_name_in_a_list_fails_alone(run: Run, tmp_path: Path) -> None:
    grey_photo(tmp_path / "a.png")
    grey_photo(tmp_path / "b1.png")
    names, out = tmp_path / "list.txt", tmp_path / "out"
    names.write_text(f"{tmp_path}/a.png\r\n{tmp_path}/b[1].png\r\n{tmp_path}/gone.png\r\n", encoding="utf-16")
    done = run("--files-from", names, "--out", out)
    assert done.returncode == 1, done.stderr
    assert failures(out) == {
        f"{tmp_path}/b[1].png": "no such file or folder",  # a list holds names, not patterns: b1.png is not meant
        f"{tmp_path}/gone.png": "no such file or folder",
    }
    assert [path.name for path in out.glob("*.png")] == ["a.png"]


def test_every_photo_failed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "b.jpg").write_bytes(b"nothing")
    for inputs in ([tmp_path / "a.png"], [tmp_path / "a.png", tmp_path / "b.jpg"]):
        done = run(*inputs, "--out", tmp_path / "out")
        assert done.returncode == 3, done.stderr
        assert f"{len(inputs)} failed" in done.stderr


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ("file.txt/report.json", "a file is in the way of the folder"),
        ("folder", "is a folder"),
        ("photo.png", "is a file that is no report"),
        ("/dev/full", "the disk is full"),
        ("/proc/report.json", "cannot write the report /proc/report.json"),
    ],
)
def test_a_report_that_cannot_be_written_stops_the_run_before_it_starts(
    report: str, says: str, run: Run, tmp_path: Path
) -> None:
    photo = grey_photo(tmp_path / "photo.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").write_text("x")
    before = photo.read_bytes()
    done = run(photo, "--out", tmp_path / "out", "--report", tmp_path / report)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr and done.stderr.startswith("error: ")
    assert not (tmp_path / "out").exists() and photo.read_bytes() == before


def test_a_link_that_leads_nowhere_is_called_that(run: Run, tmp_path: Path) -> None:
    photos = tmp_path / "in"
    grey_photo(photos / "a.png")
    (photos / "b.png").symlink_to(photos / "moved.png")
    done = run(photos, "--out", tmp_path / "out")
    assert done.returncode == 1 and "b.png: it is a link to a file that is not there" in done.stderr


@pytest.mark.parametrize("name", ["r.csv", "r.TXT", "r.html"])
def test_a_report_called_as_another_format_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    photo = grey_photo(tmp_path / "a.png")
    done = run(photo, "--out", tmp_path / "out", "--report", tmp_path / name)
    assert done.returncode == 2 and "reports are JSON" in done.stderr and "r.json" in done.stderr
    assert not (tmp_path / name).exists() and not (tmp_path / "out").exists()


def test_a_result_that_another_program_changed_is_named_in_the_summary(run: Run, tmp_path: Path) -> None:
    photo, out = grey_photo(tmp_path / "a.jpg"), tmp_path / "out"
    assert run(photo, "--out", out).returncode == 0
    data = (out / "a.jpg").read_bytes()
    (out / "a.jpg").write_bytes(data[:2] + b"\xff\xfe\x00\x08title!" + data[2:])
    done = run(photo, "--out", out)
    assert done.returncode == 0 and "1 result was changed by another program since, and left" in done.stderr
    assert "a.jpg" in done.stderr and "--overwrite" in done.stderr


def test_a_report_goes_into_a_pipe_as_it_does_into_a_file(tiny_model: Path, tmp_path: Path) -> None:
    photo = grey_photo(tmp_path / "photo.png")
    line = shlex.join(command(tiny_model, photo, "--out", tmp_path / "out", "--report", "/dev/stdout")) + " | cat"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["counts"] == {"done": 1}, done.stderr
    done = subprocess.run(["bash", "-c", line.replace("/dev/stdout", "/dev/null")], capture_output=True, timeout=120)
    assert Path("/dev/null").is_char_device()


def test_a_tree_deeper_than_the_stack_is_walked(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(lambda: subprocess.run(["rm", "-rf", str(tmp_path / "d")]))  # pytest's way of it is recursive
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert discover([tmp_path / "d"], photos=PHOTO_NAMES).sources == []


@pytest.mark.slow
def test_a_result_of_no_known_format_is_refused(run: Run, tmp_path: Path) -> None:
    photo = grey_photo(tmp_path / "photo.png")
    done = run(photo, "--out", tmp_path / "x" / "x.xyz")
    assert done.returncode == 2 and "x.xyz: no such format: .xyz. \n".strip() in done.stderr
    assert not (tmp_path / "x").exists()
    (tmp_path / "made.xyz").mkdir()
    for out in ("made.xyz", "v1.2024"):
        assert run(photo, "--out", tmp_path / out).returncode == 0
        assert (tmp_path / out / "photo.png").exists()


def test_a_dry_run_tells_what_would_fail(run: Run, tmp_path: Path) -> None:
    photos = tmp_path / "in"
    grey_photo(photos / "good.png")
    grey_photo(photos / "large.png", (400, 300))
    (photos / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    for limit, reason in ((("--max-pixels", "100K"), "more than --max-pixels 100K allows"),):
        done = run(photos, "--out", tmp_path / "out", "--dry-run", *limit)
        assert done.returncode == 1, done.stderr
        assert done.stdout == f"{photos / 'good.png'} -> {tmp_path / 'out' / 'good.png'}\n"
        assert (
            reason in done.stderr
            and "cut.jpg: " in done.stderr
            and "enlarged" not in done.stderr
            and "1 planned, 2 failed" in done.stderr.replace("2 failed, 1 planned", "1 planned, 2 failed")
        )
        assert not (tmp_path / "out").exists()


def test_odd_names_are_shown_on_one_line_and_can_be_read_back_from_the_report(run: Run, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    photos.mkdir()
    names = [b"bytes\xff\xfe.png", b"line\nend.png", b"\x1b[31mred.png", b"back\\slash.png", "größe 家族.png".encode()]
    whole = grey_photo(tmp_path / "a.png").read_bytes()
    for name in names:
        Path(os.fsdecode(os.fsencode(photos) + b"/" + name)).write_bytes(whole)
        Path(os.fsdecode(os.fsencode(photos) + b"/x" + name)).write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run(photos, "--out", out)
    assert done.returncode == 1, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("failed ")]) == 5
    assert (
        "\x1b[31mred" not in done.stderr
        and "xline\\nend.png: " in done.stderr
        and "xbytes\\xff\\xfe.png: " in done.stderr
    )
    report = json.loads((out / "colorize-report.json").read_bytes().decode("utf-8"))
    sources = {os.fsencode(unprintable(row["source"])).rpartition(b"/")[2] for row in report["photos"]}
    assert sources == {prefix + name for name in names for prefix in (b"", b"x")}
    results = [os.fsencode(unprintable(row["output"])) for row in report["photos"] if row["status"] == "done"]
    assert len(results) == 5 and all(os.path.exists(path) for path in results)


def test_a_dry_run_downloads_nothing(tmp_path: Path) -> None:
    photo = grey_photo(tmp_path / "photo.png")
    line = [*python(), "-m", "colorize_cli", str(photo), "--out", str(tmp_path / "out"), "--dry-run"]
    dead = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    env = {**os.environ, **dead, "COLORIZE_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "hub")}
    done = subprocess.run([*line, "--model", "ddcolor"], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{photo} -> {tmp_path / 'out' / 'photo.png'}\n"
    assert "ddcolor is not downloaded yet: the run will download " in done.stderr and "1 planned" in done.stderr
