"""A proxy: the processes of a search ask it by gRPC, and it asks the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from optuna.distributions import BaseDistribution
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._grpc.auto_generated import api_pb2_grpc
from optuna.storages._grpc.servicer import OptunaStorageProxyService

from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.faults import StorageFault
from vrtune.storages.locks import LEASE_S, ServerLock
from vrtune.storages.opening import Tables, open_storage
from vrtune.storages.proxied import LOCK, UNLOCK
from vrtune.storages.urls import understand

THREADS = 16  # that ask the database, with a connection each
END_S = 5.0  # for the calls that are under way when the proxy ends
OPTIONS = (("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),)


@contextmanager
def proxy(storage: str | Path, host: str, port: int) -> Iterator[int]:
    """Serves a database inside a `with`.

    Args:
        storage: PostgreSQL or MySQL.
        host: an address of this machine, or a name of it.
        port: 0: any free one.

    Returns:
        The port.

    Raises:
        UsageError: the storage is a file, or a proxy itself.
        VrtuneError: it can't be opened, or the port is taken.
    """
    place = understand(storage)
    if place.kind != "server":
        raise UsageError(
            f"{place} can't be served by a proxy: give a database that bears many processes, like "
            "postgresql://host/name"
        )
    backend = open_storage(storage, connections=THREADS)
    assert isinstance(backend, Tables)
    threads, locks = ThreadPoolExecutor(THREADS), Locks(backend)
    server = grpc.server(threads, interceptors=[_Sentences()], options=OPTIONS)
    service = OptunaStorageProxyService(_Served(backend))
    api_pb2_grpc.add_StorageServiceServicer_to_server(service, server)
    server.add_generic_rpc_handlers([_lock_handlers(locks)])
    try:
        taken = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        taken = 0
    if not taken:
        raise VrtuneError(f"port {port} of {host} can't be used: give another --port or --host")
    server.start()
    try:
        yield taken
    finally:
        server.stop(END_S).wait()
        threads.shutdown()
        locks.let_go(locks.holder)
        backend.engine.dispose()


class _Served(_CachedStorage):
    """Optuna's cache, which serves trials that another proxy has made, too."""

    def set_trial_param(
        self, trial_id: int, param_name: str, value: float, distribution: BaseDistribution
    ) -> None:
        if trial_id in self._trial_id_to_study_id_and_number:
            super().set_trial_param(trial_id, param_name, value, distribution)
        else:
            self._backend.set_trial_param(trial_id, param_name, value, distribution)


class Locks:
    """The lock of the database, for one process of all that ask; it is known by its token."""

    def __init__(self, storage: Tables) -> None:
        self.lock = ServerLock(storage.engine, storage.url)
        self.holder, self.until = "", 0.0
        self.asking = threading.Lock()

    def take(self, token: str) -> bool:
        """Whether a process has the lock from now on, for LEASE_S."""
        with self.asking:
            if not token or (token != self.holder and self._is_held()):
                return False
            if token != self.holder or not self.lock.is_held():
                self._let_go()
                if not self.lock.take():
                    self.lock.let_go()
                    return False
            self.holder, self.until = token, time.monotonic() + LEASE_S
            return True

    def let_go(self, token: str) -> None:
        """Gives it back, if this process has it."""
        with self.asking:
            if token == self.holder:
                self._let_go()

    def _is_held(self) -> bool:
        return bool(self.holder) and time.monotonic() < self.until

    def _let_go(self) -> None:
        self.holder = ""
        self.lock.let_go()


class _Sentences(grpc.ServerInterceptor):
    """Tells whoever asks what is wrong with the database."""

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        def answer(request: Any, context: Any) -> Any:
            try:
                return handler.unary_unary(request, context)
            except StorageFault as fault:
                code = grpc.StatusCode.UNAVAILABLE if fault.away else grpc.StatusCode.INTERNAL
                context.abort(code, str(fault))

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )


def _lock_handlers(locks: Locks) -> grpc.GenericRpcHandler:
    def take(token: bytes, context: object) -> bytes:
        return b"1" if locks.take(token.decode()) else b"0"

    def let_go(token: bytes, context: object) -> bytes:
        locks.let_go(token.decode())
        return b""

    service, _, name = LOCK.lstrip("/").partition("/")
    handlers = {name: take, UNLOCK.rpartition("/")[2]: let_go}
    return grpc.method_handlers_generic_handler(
        service, {n: grpc.unary_unary_rpc_method_handler(h) for n, h in handlers.items()}
    )
