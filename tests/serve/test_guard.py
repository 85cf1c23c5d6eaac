"""Who is let in, and what no request can reach: other hosts and origins, files outside the two folders, uploads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from colorize_cli import Colorizer
from colorize_cli.serve.guard import Guard, new_token
from colorize_cli.serve.session import ServeOptions, Session
from tests.inference.conftest import grey_photo
from tests.serve.conftest import PORT, ROOT, Served

WISH = {"points": [{"x": 10, "y": 10, "color": "#b03020"}], "strokes": []}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:80",
        f"127.0.0.1.evil.example:{PORT}",
        f"10.0.0.7:{PORT}",
        "",
    ],
)
def test_other_hosts_are_refused(served: Served, host: str) -> None:
    answer = served.get("about", headers={"host": host})
    assert answer.status_code == 403
    assert "photos" not in answer.text


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_its_own_hosts_are_answered(served: Served, host: str) -> None:
    assert served.get("about", headers={"host": host}).json()["model"] == "mini"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_requests_of_other_pages_are_refused(served: Served, tmp_path: Path, headers: dict[str, str]) -> None:
    assert served.post("photos/0/save", WISH, headers=headers).status_code == 403
    assert served.get("about", headers=headers).status_code == 403
    assert not (tmp_path / "out").exists()


def test_requests_of_the_page_itself_are_answered(served: Served) -> None:
    own = {"origin": f"http://127.0.0.1:{PORT}", "sec-fetch-site": "same-origin"}
    assert served.get("about", headers=own).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/about", "/wrong/about", f"{ROOT}x/about", f"{ROOT[:-1]}/about", f"/x{ROOT}/about"]
)
def test_without_the_token_there_is_nothing(served: Served, path: str) -> None:
    answer = served.client.get(path)
    assert answer.status_code == 403
    assert answer.text == "Open the address that the terminal shows: it ends with a token.\n"


def test_tokens_are_long_and_differ() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(len(token) for token in tokens) >= 22


@pytest.mark.parametrize(
    "path",
    [
        "../photos/a.png",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%5c..%5cetc%5cpasswd",
        "%252e%252e%252fetc%252fpasswd",
        "/etc/passwd",
        "//etc/passwd",
        "photos/..%2fa.png/result",
        "photos/%2fetc%2fpasswd/thumbnail",
        "photos/-1/thumbnail",
        "photos/99/thumbnail",
        "photos/99999999999999999999/result",
        "photos/0/tiles/..%2f..%2fetc/0/0/0",
        "photos/0/tiles/before/0/0/99999999999",
        "photos/0/tiles/before/99999999/0/0",
        "page/index.html",
        "shared.css%00",
    ],
)
def test_no_path_leads_out(served: Served, path: str) -> None:
    answer = served.client.get(f"{ROOT}/{path}")
    assert answer.status_code in (400, 403, 404), answer.text[:200]
    assert "root:" not in answer.text


def test_photos_linked_from_elsewhere_are_neither_read_nor_written(colorizer: Colorizer, tmp_path: Path) -> None:
    grey_photo(tmp_path / "photos" / "good.png", (64, 48))
    secret = grey_photo(tmp_path / "secret.png", (64, 48))
    (tmp_path / "photos" / "link.png").symlink_to(secret)
    session = Session(colorizer, ServeOptions(photos=tmp_path / "photos", out=tmp_path / "out"))
    served = Served(session)
    number = served.number("link.png")
    assert served.photo("link.png")["state"] == "failed"
    assert "link" in str(served.photo("link.png")["reason"])
    for path in ("", "/thumbnail", "/before", "/likely", "/tiles/before/0/0/0"):
        assert served.get(f"photos/{number}{path}").status_code == 422
    assert served.post(f"photos/{number}/preview", WISH).status_code == 422
    assert served.post(f"photos/{number}/save", WISH).status_code == 422
    assert not (tmp_path / "out" / "link.png").exists()
    session.close()


def test_a_photo_that_becomes_a_link_is_not_read(served: Served, photos: Path, tmp_path: Path) -> None:
    secret, number = grey_photo(tmp_path / "secret.png", (64, 48)), served.number("a.png")
    (photos / "a.png").unlink()
    (photos / "a.png").symlink_to(secret)
    assert served.get(f"photos/{number}/thumbnail").status_code == 422
    assert served.get(f"photos/{number}").status_code == 422


def test_results_do_not_go_through_a_link(served: Served, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(elsewhere, target_is_directory=True)
    answer = served.post(f"photos/{served.number('sub/c.tif')}/save", WISH)
    assert answer.status_code == 422
    assert "link" in answer.text
    assert os.listdir(elsewhere) == []


def test_hints_do_not_go_through_a_link(served: Served, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.hints.json").symlink_to(kept)
    assert served.post(f"photos/{served.number('a.png')}/save", WISH).status_code == 422
    assert kept.read_text() == "mine"


def test_a_result_that_is_a_link_is_not_shown(served: Served, tmp_path: Path) -> None:
    number = served.number("b.jpg")
    assert served.post(f"photos/{number}/save", {"points": [], "strokes": []}).status_code == 200
    assert served.get(f"photos/{number}/result").status_code == 200
    (tmp_path / "out" / "b.jpg").unlink()
    (tmp_path / "out" / "b.jpg").symlink_to(grey_photo(tmp_path / "secret.jpg", (64, 48)))
    assert served.get(f"photos/{number}/result").status_code == 404
    assert served.get(f"photos/{number}/thumbnail?of=result").status_code == 404


def test_answers_say_that_nothing_may_be_taken_from_elsewhere(served: Served) -> None:
    for answer in (served.get(""), served.get("about"), served.client.get("/")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
    assert "://" not in served.get("").text


def test_other_kinds_of_connections_get_nothing() -> None:
    async def fail(*_: object) -> None:
        raise AssertionError("called")

    import asyncio

    asyncio.run(Guard(fail, "t", "127.0.0.1", PORT)({"type": "websocket"}, fail, fail))  # type: ignore[arg-type]
