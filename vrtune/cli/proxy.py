"""vrtune proxy: thousands of processes share a few connections to a database."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from vrtune.cli.faults import faults
from vrtune.errors import VrtuneError

HERE = "127.0.0.1"


def proxy(
    storage: Annotated[str, typer.Option(metavar="URL", help="The database: PostgreSQL or MySQL.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve at; 0: any.")] = 13000,
    host: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Address to serve at; 0.0.0.0: all of this machine's networks."
        ),
    ] = HERE,
) -> None:
    """Serve a database to thousands of workers, over a few connections.

    They give grpc://HOST:PORT for --storage. Nobody is asked for a password there: whoever reaches
    the port reads and writes all studies, so let it be reached from your workers' network alone.
    """
    with faults(storage):
        try:
            from vrtune.storages.proxy import proxy as serving
        except ImportError as error:
            raise VrtuneError(
                f"a proxy needs a package that is not installed ({error.name}): "
                "pip install 'vrtune[grpc]'"
            ) from None
        from vrtune.searching.interrupts import interrupts
        from vrtune.storages.quiet import quiet

        with interrupts() as asked, quiet(), serving(storage, host, port) as taken:
            typer.echo(f"grpc://{host}:{taken} (Ctrl-C ends it)")
            while not asked():
                time.sleep(0.2)
