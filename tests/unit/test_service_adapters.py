"""The policy's answer is believed from one table only: the one that was deployed last by `sluis deploy`."""

import pytest

from workers.core.errors import EngineError
from workers.core.values import digest_bytes
from workers.engine.results import Decision
from workers.runs.store import DirectoryStore
from workers.service.adapters import EngineTable


class Engine:
    """An engine whose newest table is the given text."""

    def __init__(self, table: str) -> None:
        self.table = table

    async def evaluate_decision(self, name, facts):
        return Decision({"approvals": 0}, name, 1, 1, 2, ())

    async def decision_definition_xml(self, key):
        return self.table


@pytest.mark.parametrize("at_the_engine", ["older", "foreign"])
async def test_only_the_table_deployed_last_is_believed(tmp_path, at_the_engine):
    """A foreign table, and an older one of our own that was put back past `sluis deploy`, are refused."""
    store = DirectoryStore(tmp_path)
    engine = Engine(at_the_engine)
    table = EngineTable(engine, engine, store)
    for content in ("older", "newest"):
        await store.write("tables/ChangePolicy", digest_bytes(content.encode()).encode())
    with pytest.raises(EngineError, match="not the one that was deployed last"):
        await table.evaluate({})
    engine.table = "newest"
    assert (await table.evaluate({})).output == {"approvals": 0}
