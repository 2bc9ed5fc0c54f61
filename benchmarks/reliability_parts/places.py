"""Where a run keeps its study: a file, a journal, or a server's database."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from postgresql import Server

from reliability_parts.setting import STUDY

KINDS = ("sqlite", "postgresql", "journal")


@dataclass
class Place:
    """A storage, and the folder in which the commands run."""

    kind: str
    folder: Path
    server: Server | None = None

    @property
    def url(self) -> str:
        """As vrtune is given it."""
        if self.kind == "sqlite":
            return f"sqlite:///{self.folder}/studies.db"
        if self.kind == "journal":
            return str(self.path)
        assert self.server
        return self.server.url(self.database)

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / ("studies.db" if self.kind == "sqlite" else "studies.journal")

    @property
    def database(self) -> str:
        """Of a server."""
        return self.folder.name.lower().replace("-", "_")

    def make(self) -> None:
        """What must be there before a search."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.server:
            self.server.ask(f'CREATE DATABASE "{self.database}"')

    def study(self) -> optuna.Study:
        """Its study, read by Optuna alone. KeyError if there is none yet."""
        storage: RDBStorage | JournalStorage
        if self.kind == "journal":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                storage = JournalStorage(JournalFileBackend(str(self.path)))
        else:
            driver = self.url.replace("postgresql:", "postgresql+psycopg:")
            none = {"poolclass": sqlalchemy.pool.NullPool}  # a connection that is kept may be cut
            storage = RDBStorage(driver, engine_kwargs=none, skip_table_creation=True)
        return optuna.load_study(study_name=STUDY, storage=storage)
