from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import control
from control import migrate, schema

FOLDER = str(Path(control.__file__).parent / "migrations")


def test_the_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(FOLDER, version_locations=[FOLDER])
    assert scripts.get_current_head() == schema.HEAD


def test_the_migrations_make_what_the_schema_says(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/c.db")
    with engine.begin() as connection:
        migrate.ensure(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()
