import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from control import migrate
from control.schema import HEAD


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path}/c.db")
    with engine.connect() as made, made.begin():
        yield made
    engine.dispose()


def test_an_empty_catalog_is_brought_to_the_head_once(connection: Connection) -> None:
    assert migrate.current(connection) is None
    assert migrate.ensure(connection)
    assert migrate.current(connection) == HEAD
    assert {"channel", "stream_key", "asset", "revision"} <= set(inspect(connection).get_table_names())
    assert not migrate.ensure(connection)


def test_a_newer_catalog_is_refused_untouched(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
    with pytest.raises(OSError, match=r"revision 9999, newer than this Headwater knows"):
        migrate.ensure(connection)
    assert inspect(connection).get_table_names() == ["alembic_version"]


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"this is a text file, not a database" * 40)
    engine = create_engine(f"sqlite:///{tmp_path}/c.db")
    with engine.connect() as connection, pytest.raises(OSError, match="the catalog cannot be read"):
        migrate.ensure(connection)
    engine.dispose()


def test_a_catalog_at_the_head_is_opened_without_alembic(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from control.store import Catalog\n"
        "from node.clock import SystemClock\n"
        "async def body():\n"
        "    await (await Catalog.open(Path(sys.argv[1]), SystemClock())).close()\n"
        "asyncio.run(body())\n"
        "print('alembic' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "catalog.db")]
    loaded = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)]
    assert loaded == ["True", "False"]
