"""A database behind a proxy that speaks gRPC, so that thousands of processes share a few of its
connections."""

from __future__ import annotations

import copy

import grpc
from optuna.storages import BaseStorage, GrpcStorageProxy
from optuna.storages._grpc.auto_generated import api_pb2_grpc
from optuna.storages._grpc.client import GrpcClientCache
from optuna.trial import FrozenTrial, TrialState

from vrtune.storages.faults import plain
from vrtune.storages.lasting import Lasting, patiently
from vrtune.storages.urls import Place

LOCK, UNLOCK = "/vrtune.Lock/Take", "/vrtune.Lock/LetGo"  # beside Optuna's own calls
CHANNEL = (  # a proxy that is started anew is found soon, and one that has vanished is missed
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class _Plain(GrpcStorageProxy):
    """Optuna's client, which says in a sentence what is wrong."""

    def __init__(self, place: Place) -> None:
        self.url = place.given
        self._host, self._port = place.host, place.port
        self._setup()

    def _setup(self) -> None:
        self._channel = grpc.insecure_channel(f"{self._host}:{self._port}", options=CHANNEL)
        self._stub = api_pb2_grpc.StorageServiceStub(self._channel)
        self._cache = GrpcClientCache(self._stub)

    def lock(self, token: str) -> bool:
        """Whether whoever has this token has the lock of the database from now on. A proxy that
        Optuna itself has started has none: the work goes on without."""
        try:
            return bool(self._channel.unary_unary(LOCK)(token.encode()) == b"1")
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return True
            raise

    def unlock(self, token: str) -> None:
        """Gives the lock back."""
        try:
            self._channel.unary_unary(UNLOCK)(token.encode())
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise


plain(_Plain, grpc.RpcError)


@patiently
class Proxied(Lasting, _Plain):
    """A database behind a proxy."""

    def _add(self, study_id: int, template: FrozenTrial) -> FrozenTrial:
        made = copy.copy(template)
        made._trial_id = _Plain.create_new_trial(self, study_id, template)
        return made

    def _start(self, trial_id: int, at: object) -> bool:
        return _Plain.set_trial_state_values(self, trial_id, TrialState.RUNNING)


def open_proxied(place: Place) -> BaseStorage:
    """The storage behind a proxy. StorageFault if it does not answer."""
    storage = Proxied(place)
    _Plain.lock(storage, "")  # nobody's: a question that costs nothing
    return storage
