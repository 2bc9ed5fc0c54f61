"""Workers as tasks of Ray: on a cluster of this machine, and on one of two nodes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from engines.conftest import ended, ends, kill, pids, until

from vrtune.engines import ray
from vrtune.engines.base import Share
from vrtune.engines.ray import RayCluster
from vrtune.errors import UsageError, VrtuneError

pytest.importorskip("ray")


@pytest.mark.parametrize("address", ["", "here", "10.0.0.1", "ray://head", "head:port", ":6379"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no address of a Ray cluster: give HOST:PORT"):
        RayCluster(address, Share())


def test_where_nobody_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(VrtuneError, match=rf"Ray cluster {address} can't be joined \(Conn"):
            RayCluster(address, Share())


def test_where_there_is_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(ray, "import_module", none)
    with pytest.raises(VrtuneError, match=r"pip install 'vrtune\[ray\]'"):
        RayCluster("local", Share())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray's own
def test_a_cluster_of_this_machine(units: ModuleType, signed: Path) -> None:
    """A lost worker is started again by Ray, all are ended as by Ctrl-C; what fails is told."""
    with closing(RayCluster("local", Share())) as engine:
        assert engine.here
        engine.start(partial(units.train, signed, 60), 1)
        until(lambda: len(pids(signed)) == 1)
        kill(next(iter(pids(signed))))
        until(lambda: len(pids(signed)) == 2)
        until(lambda: "a worker of Ray was lost, and is started again" in engine.look().notes)
        engine.stop(10)
        assert ends(signed) == ["2"]
        engine.start(units.refuse, 1)
        assert ended(engine).failed == ("worker 1 of Ray: there is no data",)
        engine.start(units.fail, 1)
        (told,) = ended(engine).failed
        assert "it failed (ValueError: of its own): see that every node has vrtune" in told
        engine.share = Share(cpus=10_000)
        with pytest.raises(UsageError, match="this machine has not the 10000 cores"):
            engine.start(units.refuse, 1)


@pytest.fixture
def two_nodes(units: ModuleType) -> Iterator[str]:
    """The address of a cluster of two nodes with a core each, which know the units."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_nodes_get_a_worker_each(two_nodes: str, units: ModuleType, signed: Path) -> None:
    """And the one too many waits for its place."""
    with closing(RayCluster(two_nodes, Share())) as engine:
        assert str(engine) == f"the Ray cluster {two_nodes}"
        engine.start(partial(units.train, signed, 2), 3)
        (note,) = engine.look().notes
        assert "have room for 2 of 3 workers with 1 core each: the others wait" in note
        assert ended(engine).failed == ()
        assert ends(signed) == ["None"] * 3
