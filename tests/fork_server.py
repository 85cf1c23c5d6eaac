"""Processes that start in milliseconds: a server that has loaded the libraries forks one per request.

A test that needs a process of its own, with its streams, signals and status, starts `[*python(), "-m", NAME, ...]` or
`[*python(), "-c", CODE, ...]` as it would start `[sys.executable, ...]`. What runs is the client, a Python without
libraries: it hands its streams, folder, environment and ignored signals to the server, passes signals on and ends with
the status of the process that the server forked for it; that one is killed soon after the client is.
`sys.executable` is right where loading the libraries is what is tested, and for limits of memory, SIGSTOP, and what is
so at once after a kill.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import gc
import importlib
import marshal
import os
import resource
import select
import signal
import socket
import sys

LIMITS = (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IMAGING = ("numpy.ma", "PIL.Image", "cv2", "imagecodecs", "tifffile", "simplejpeg")
OTHERS = (
    "safetensors.numpy",
    "typer._adapters",
    "rich.progress",
    "colorize_cli.cli.app",
    "colorize_cli.cli.colorize",
    "colorize_cli.pipeline.colorizer",
)
PACKAGES = ("files", "formats", "metadata", "guidance")
STARTS_THREADS = {"torch", "onnxruntime", "pyvips", "scipy.linalg"}  # a fork has them not


@functools.cache
def python() -> tuple[str, ...]:
    """What stands for `sys.executable`; the first call starts the server, which ends with this process."""
    import subprocess  # not above: the client has no need of them
    import tempfile
    from pathlib import Path

    place = Path(tempfile.mkdtemp(prefix="fork-server-")) / "socket"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    assert server.stdin is not None and server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    server.stdout.close()

    def end() -> None:
        server.stdin.close()  # type: ignore[union-attr]
        server.wait(60)
        place.unlink(missing_ok=True)
        place.parent.rmdir()

    atexit.register(end)
    return (sys.executable, "-I", "-S", __file__, str(place))


def ask(place: str, words: list[str]) -> int:
    """The client: have the process forked, pass signals on, return its status."""
    streams = []
    for number in (0, 1, 2):
        with contextlib.suppress(OSError):
            os.fstat(number)
            streams.append(number)
    request = {
        "words": words,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "streams": streams,
        "ignored": [int(number) for number in PASSED_ON if signal.getsignal(number) is signal.SIG_IGN],
        "umask": os.umask(0o22),
        "limits": [(kind, *resource.getrlimit(kind)) for kind in LIMITS],
    }
    data = marshal.dumps(request)
    child = 0
    arrived: list[int] = []

    def pass_on(number: int, _: object) -> None:
        arrived.append(number)
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

    for number in PASSED_ON:
        if number not in request["ignored"]:
            signal.signal(number, pass_on)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(place)
        handed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))] if streams else []
        connection.sendmsg([len(data).to_bytes(4, "big")], handed)
        connection.sendall(data)
        for number in streams:
            os.close(number)  # a pipe breaks when the process ends, not when this one does
        with connection.makefile("rb") as answers:
            child = int(answers.readline())
            for number in arrived:
                pass_on(number, None)
            return int(answers.readline())


def serve(place: str) -> dict[str, object]:
    """Fork for each request, until stdin closes; returns in the forked process, with what was asked for."""
    import pkgutil  # not above: the client has no need of it

    sys.path[0] = ""  # as `python -m` has it
    for name in (*IMAGING, *OTHERS):
        importlib.import_module(name)
    for package in (importlib.import_module(f"colorize_cli.{name}") for name in PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    assert not STARTS_THREADS & sys.modules.keys(), STARTS_THREADS & sys.modules.keys()
    from pydantic import TypeAdapter  # of which typer makes one for each option

    TypeAdapter(int)
    gc.collect()
    gc.freeze()  # a collection in a forked process would write to every page
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen(64)
        os.write(1, b"ready\n")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            ready, _, _ = select.select([listener, 0], [], [])
            if listener not in ready:
                os._exit(0)
            connection, _ = listener.accept()
            if os.fork():
                connection.close()
                continue
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            return watched(connection)


def watched(connection: socket.socket) -> dict[str, object]:
    """Fork once more: the child returns the request, this process reports its number and status and ends."""
    head, handed, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(3 * 4))
    length, data = int.from_bytes(head, "big"), b""
    while len(data) < length:
        data += connection.recv(length - len(data))
    request: dict[str, object] = marshal.loads(data)
    streams = array.array("i")
    for _, _, raw in handed:
        streams.frombytes(raw)
    child = os.fork()
    if not child:
        connection.close()
        take_over(request, list(streams))
        return request
    for number in (0, 1, 2, *streams):
        os.close(number)
    with contextlib.suppress(OSError):
        connection.sendall(f"{child}\n".encode())
    watch = os.pidfd_open(child)
    if connection in select.select([watch, connection], [], [])[0]:
        os.kill(child, signal.SIGKILL)  # the client is gone
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(OSError):
        connection.sendall(f"{status}\n".encode())
    os._exit(0)


def take_over(request: dict[str, object], handed: list[int]) -> None:
    """Streams, environment, folder, mask and signals as the client had them."""
    wanted: list[int] = request["streams"]  # type: ignore[assignment]
    high = [os.dup2(number, 20 + number) for number in handed]  # out of the way of 0, 1 and 2
    for number in handed:
        os.close(number)
    for number in (0, 1, 2):
        with contextlib.suppress(OSError):
            os.close(number)
    for number, source in zip(wanted, high, strict=True):
        os.dup2(source, number)
        os.close(source)
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        errors = "backslashreplace" if name == "stderr" else getattr(sys, name).errors
        stream = None
        if number in wanted:
            lines = mode == "w" and (name == "stderr" or os.isatty(number))
            stream = open(number, mode, encoding="utf-8", errors=errors, buffering=1 if lines else -1)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    os.chdir(str(request["folder"]))
    os.umask(int(request["umask"]))  # type: ignore[call-overload]
    for kind, *limits in request["limits"]:  # type: ignore[attr-defined]
        resource.setrlimit(kind, tuple(limits))
    for number in request["ignored"]:  # type: ignore[attr-defined]
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """Be the server, the forked process or the client."""
    if sys.argv[1] != "--serve":
        status = ask(sys.argv[1], sys.argv[2:])
        if status < 0:
            signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        os._exit(status)
    request = serve(sys.argv[2])
    how, what, *words = request["words"]  # type: ignore[misc]
    if how == "-m":
        import runpy

        sys.argv[:] = [what, *words]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        assert how == "-c", how
        sys.argv[:] = ["-c", *words]
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})


if __name__ == "__main__":
    main()
