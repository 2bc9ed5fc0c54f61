"""vrtune dashboard: serves optuna-dashboard to whoever has its token."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Annotated
from urllib.parse import quote

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, Storage
from vrtune.dashboard.guard import HERE, HOSTS, guarded
from vrtune.errors import UsageError


def dashboard(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the dashboard; 0: any free one.")
    ] = 8080,
    host: Annotated[
        str, typer.Option(metavar="NAME", help="Address to serve at; another needs a --token.")
    ] = HERE,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="VRTUNE_TOKEN",
            help="What the address must hold.",
            show_default="a new one each time",
        ),
    ] = None,
    writable: Annotated[
        bool, typer.Option("--writable", help="Let notes be written, and studies be deleted.")
    ] = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Show all studies in a browser, with curves, parameters, files and notes.

    Whoever has the address that is printed may look at them, and nobody else. Nothing can be
    changed there but with --writable.
    """
    from vrtune.dashboard.serving import is_here, server
    from vrtune.storages.quiet import quiet

    if token is not None and not token.strip():
        raise UsageError("--token is empty: give one that nobody guesses, or leave it out")
    here = is_here(host)
    if token is None and not here:
        does = "shows and deletes" if writable else "shows"
        raise UsageError(
            f"{host or 'every address'} is open to other machines, and the dashboard {does} "
            "studies: give a --token that nobody guesses, or forward the port "
            f"(ssh -L {port}:{HERE}:{port} MACHINE)"
        )
    token = token or secrets.token_urlsafe()
    with faults(storage):
        from vrtune.dashboard.pages import application

        app = application(storage, writable=writable)
    guard = guarded(app, token, names=HOSTS if here else (), writable=writable)
    with server(guard, host, port) as served, quiet(), suppress(KeyboardInterrupt):
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{served.server_port}/?token={quote(token, safe='')}"
        typer.echo(f"{address} (Ctrl-C ends it)")
        served.serve_forever()
