"""The server at work: it listens, and ends cleanly.

In:  a session, an address
Out: the address of the page; answers, until a signal comes
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Self

import uvicorn

from colorize_cli.errors import UsageError, one_line
from colorize_cli.serve.guard import Guard, new_token
from colorize_cli.serve.routes import Routes
from colorize_cli.serve.session import Session

_GRACE = 2  # seconds that answers under way get at the end


class Listener:
    """An address that is listened at.

    Args:
        host: a name or an address of this machine.
        port: 0 is a free one.

    Raises:
        UsageError: it cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.token = host, new_token()
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._socket = socket.create_server((host, port), family=family)
        except (OSError, UnicodeError) as error:
            reason = one_line(error) if isinstance(error, OSError) else "no name of a machine"
            raise UsageError(f"cannot listen at {host} port {port}: {reason}", hint="Try another --port.") from None
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def is_local(self) -> bool:
        """Whether this machine alone can reach it."""
        return self._socket.getsockname()[0] in ("127.0.0.1", "::1")

    @property
    def address(self) -> str:
        """Of the page, with its token; one that other machines can open, where they are let in."""
        name = _reached_by() if self.host == "0.0.0.0" else "::1" if self.host == "::" else self.host
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}/{self.token}/"

    def serve(self, session: Session, on_ready: Callable[[], None] = lambda: None) -> None:
        """Answer until SIGINT or SIGTERM, which are raised again at the end.

        Args:
            session: what is shown.
            on_ready: called when answers are given.
        """
        app = Guard(Routes(session).app(), self.token, self.host, self.port)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",  # a connection that a browser drops is no news
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        session.start()
        try:
            self._run(uvicorn.Server(config), on_ready)
        finally:
            session.close()

    def _run(self, server: uvicorn.Server, on_ready: Callable[[], None]) -> None:
        on_ready()  # the socket listens already: who comes early waits
        server.run(sockets=[self._socket])


def _reached_by() -> str:
    """The address by which other machines reach this one; nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(
                ("192.0.2.1", 9)
            )  # an address for documentation: the system says which of its own it would use
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
