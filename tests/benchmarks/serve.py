"""How soon the page has an answer to a hint: from the request to the last byte of the picture, 512 pixels wide.

    python tests/benchmarks/serve.py [PHOTO]

Printed for 0 to 30 hints and for the sliders: the median and the 95th percentile of wall time, and the CPU time of an
answer, which tells what it would take on a machine that does nothing else.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import uvicorn

from colorize_cli import Colorizer
from colorize_cli.serve.guard import Guard
from colorize_cli.serve.listening import Listener
from colorize_cli.serve.routes import Routes
from colorize_cli.serve.session import ServeOptions, Session

ROUNDS = 12
WAYS = [  # name, hints, whether vividness moves
    ("saturation", 0, False),
    ("vividness", 0, True),
    ("1 hint", 1, False),
    ("3 hints", 3, False),
    ("30 hints", 30, False),
    ("3 hints, vividness", 3, True),
]
GOAL_MS = 300


def clouds(path: Path) -> None:
    """A grey picture with detail at every scale, 2,000 x 1,500."""
    rng = np.random.default_rng(0)
    planes = [cv2.resize(rng.normal(0, s, (1500 // s, 2000 // s)), (2000, 1500)) for s in (4, 40, 400)]
    total = sum(planes)
    cv2.imwrite(str(path), np.clip(128 + 50 * total / total.std(), 0, 255).astype(np.uint8))


def slowdown() -> float:
    """Wall time over CPU time of a plain loop: 1 on a machine that does nothing else."""
    wall, cpu = time.perf_counter(), time.process_time()
    sum(range(10_000_000))
    return (time.perf_counter() - wall) / (time.process_time() - cpu)


def main() -> None:
    print(f"a plain loop takes {slowdown():.1f} times its CPU time here")
    with tempfile.TemporaryDirectory() as place, Listener("127.0.0.1", 0) as listener:
        folder = Path(place, "photos")
        folder.mkdir()
        if len(sys.argv) > 1:
            (folder / Path(sys.argv[1]).name).write_bytes(Path(sys.argv[1]).read_bytes())
        else:
            clouds(folder / "a.png")
        session = Session(Colorizer("mini", device="cpu"), ServeOptions(photos=folder, out=Path(place, "out")))
        app = Guard(Routes(session).app(), listener.token, listener.host, listener.port)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener._socket]})
        thread.start()
        where = urlsplit(listener.address)
        connection = http.client.HTTPConnection(where.netloc)

        def ask(path: str, said: object = None) -> bytes:
            connection.request("GET" if said is None else "POST", where.path + path, said and json.dumps(said))
            answer = connection.getresponse()
            data = answer.read()
            assert answer.status == 200, data
            return data

        told = json.loads(ask("photos/0"))
        width, height = told["width"], told["height"]
        ask("photos/0/preview", {"side": 512})
        started = time.perf_counter()
        ask("photos/0/likely?x=0.5&y=0.5")
        print(f"palette, first     {1000 * (time.perf_counter() - started):6.0f} ms")
        for name, count, vividly in WAYS:
            rng, walls, cpu = np.random.default_rng(count), [], time.process_time()
            for number in range(ROUNDS):
                places = rng.random((count, 2)) * (width, height)
                points = [{"x": float(x), "y": float(y), "color": "#804020"} for x, y in places]
                wish = {"points": points, "side": 512, "quick": True, "saturation": 1 + number / 100}
                wish["vividness"] = (number + 1) / 20 if vividly else None
                started = time.perf_counter()
                ask("photos/0/preview", wish)
                walls.append(1000 * (time.perf_counter() - started))
            used = 1000 * (time.process_time() - cpu) / ROUNDS
            middle, late = np.percentile(walls, [50, 95])
            print(f"{name:18} {middle:6.0f} ms, 95th {late:6.0f} ms, CPU {used:5.0f} ms  (goal {GOAL_MS} ms)")
        server.should_exit = True
        connection.close()
        thread.join()
        session.close()


if __name__ == "__main__":
    main()
