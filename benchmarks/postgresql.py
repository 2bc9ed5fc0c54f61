"""A PostgreSQL server of a benchmark's own, on the loopback interface, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Server:
    """Answers whoever asks as user `vrtune`, without a password; it keeps no promise after a crash
    of the machine (fsync is off)."""

    def __init__(self, folder: Path, options: str = "") -> None:
        """`options` of the server itself, such as `-c max_connections=500`."""
        self.bin, self.folder, self.options = programs(), folder, options
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # it refuses root
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        self._run("initdb", "--username=vrtune", "--no-sync", *self.entrance())
        self.start()

    def entrance(self) -> Sequence[str]:
        """initdb's options on whom it lets in."""
        return ["--auth=trust"]

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -F {self.options}"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        """Stops it: `immediate` as in a crash, `fast` in order; connections are cut by both."""
        self._run("pg_ctl", "-m", how, "stop")

    def url(self, database: str = "postgres") -> str:
        """Of a database."""
        return f"postgresql://vrtune@127.0.0.1:{self.port}/{database}"

    def ask(self, *commands: str, database: str = "postgres") -> Sequence[tuple[Any, ...]]:
        """Says SQL, and returns what the last command found."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for command in commands:
                found = connection.execute(command)
            return found.fetchall() if found.description else []

    def cut(self, database: str) -> int:
        """Ends all connections to a database; returns how many there were."""
        who = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        return len(self.ask(f"{who} AND pid <> pg_backend_pid()"))

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.bin / program, "-D", self.folder / "data", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self.user.pw_uid if self.user else None,
            cwd=self.folder,
        )


@contextmanager
def serving(options: str = "") -> Iterator[Server]:
    """A fresh server, which is gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), options)
        try:
            yield server
        finally:
            server.stop()


def programs() -> Path:
    """The folder of initdb and pg_ctl. FileNotFoundError where there is none."""
    found = shutil.which("initdb")
    places = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not places:
        raise FileNotFoundError("PostgreSQL's initdb is not installed")
    return places[-1].parent
