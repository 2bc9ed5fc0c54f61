"""Where SAGA and SAG keep gradients: four stores behind one interface."""

from vrtune.estimators.tables.base import Table
from vrtune.estimators.tables.factored import FactoredTable
from vrtune.estimators.tables.naive import NaiveTable
from vrtune.estimators.tables.partition import PartitionTable
from vrtune.estimators.tables.svd import SVDTable

TABLES: dict[str, type[Table]] = {
    "partition": PartitionTable,
    "naive": NaiveTable,
    "factored": FactoredTable,
    "svd": SVDTable,
}
