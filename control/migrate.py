"""Bring the catalog's tables to the newest revision; cheap when they are there already.

Alembic without its command line and ini file: the migrations are read from the installed package.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from control.schema import HEAD

_FOLDER = Path(__file__).parent / "migrations"


def ensure(connection: Connection) -> bool:
    """Upgrade if the catalog is older; True if anything was done. Everything happens in the caller's transaction.

    Raises OSError if the catalog was written by a newer Headwater, or is no catalog.
    """
    here = current(connection)
    if here == HEAD:
        return False
    _upgrade(connection, here)
    return True


def current(connection: Connection) -> str | None:
    """The revision of the catalog, None if it is empty."""
    try:
        made = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")).first()
        if made is None:
            return None
        row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    except DatabaseError as fault:
        raise OSError(f"the catalog cannot be read: {fault.orig}") from fault
    return None if row is None else str(row[0])


def _upgrade(connection: Connection, here: str | None) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.script.revision import ResolutionError

    scripts = ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER)])
    if here is not None:
        try:
            known = scripts.get_revision(here)
        except Exception as fault:
            if not isinstance(fault, ResolutionError) and not isinstance(fault.__cause__, ResolutionError):
                raise
            known = None
        if known is None:
            raise OSError(f"the catalog is at revision {here}, newer than this Headwater knows ({HEAD}): upgrade it")

    with EnvironmentContext(Config(), scripts, fn=lambda at, _: scripts._upgrade_revs(HEAD, at)) as environment:
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
