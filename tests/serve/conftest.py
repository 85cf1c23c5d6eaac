"""A folder of photos and a client that speaks to the server's routes, or to a server that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from colorize_cli import Colorizer
from tests.inference.conftest import grey_photo

pytest.importorskip("starlette", reason="needs the extra serve")
pytest.importorskip("uvicorn", reason="needs the extra serve")
pytest.importorskip("httpx", reason="starlette's test client needs httpx")

from starlette.testclient import TestClient

from colorize_cli.serve.guard import Guard
from colorize_cli.serve.routes import Routes
from colorize_cli.serve.session import ServeOptions, Session

TOKEN, PORT = "secret-token", 8123
ROOT = f"/{TOKEN}"
ORIGIN = f"http://127.0.0.1:{PORT}"


class Served:
    """A session and a client of it; paths are below the token."""

    def __init__(self, session: Session) -> None:
        self.session = session
        guard = Guard(Routes(session).app(), TOKEN, "127.0.0.1", PORT)
        self.client = TestClient(guard, base_url=ORIGIN, raise_server_exceptions=True)

    def get(self, path: str, **options: object):  # type: ignore[no-untyped-def]
        return self.client.get(f"{ROOT}/{path}", **options)

    def post(self, path: str, said: object = None, **options: object):  # type: ignore[no-untyped-def]
        given = {} if said is None else {"json": said}
        return self.client.post(f"{ROOT}/{path}", **given, **options)

    def number(self, name: str) -> int:
        photos = self.get("changes?since=-1").json()["photos"]
        return next(photo["id"] for photo in photos if photo["name"] == name)

    def photo(self, name: str) -> dict[str, object]:
        return next(photo for photo in self.get("changes?since=-1").json()["photos"] if photo["name"] == name)


@pytest.fixture(scope="session")
def colorizer() -> Colorizer:
    """The bundled model, which has palettes."""
    made = Colorizer("mini", device="cpu")
    made.load()
    return made


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two photos, and one more in a folder of its own."""
    folder = tmp_path / "photos"
    grey_photo(folder / "a.png", (320, 240), 1)
    grey_photo(folder / "b.jpg", (200, 300), 2)
    grey_photo(folder / "sub" / "c.tif", (160, 120), 3)
    return folder


@pytest.fixture
def served(colorizer: Colorizer, photos: Path, tmp_path: Path) -> Iterator[Served]:
    """The folder, served; results go to `out`."""
    session = Session(colorizer, ServeOptions(photos=photos, out=tmp_path / "out"))
    yield Served(session)
    session.close()
