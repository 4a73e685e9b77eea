"""The catalog's tables. A change here needs a migration in `control/migrations/`: a test compares the two.

Times are UTC ms. `rev` is the sequence (table `revision`) of the row's last change: its ETag.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

# The newest migration. A catalog at this revision is opened without loading Alembic (about 0.2 s of start).
HEAD = "0005"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(column_0_label)s",
    }
)

revision = Table(
    "revision",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("time", Integer, nullable=False),
    Column("what", Text, nullable=False),
)

channel = Table(
    "channel",
    metadata,
    Column("channel", String(64), primary_key=True),
    Column("title", Text, nullable=False),
    Column("edition", String(16), nullable=False),
    Column("segment_ms", Integer, nullable=False),
    Column("part_ms", Integer, nullable=False),
    Column("window_s", Integer, nullable=False),
    Column("demo", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("splices", Boolean, nullable=False, server_default=false()),
    Column("interstitials", Text, nullable=False, server_default=text("''")),
    Column("playout", Text, nullable=False, server_default=text("''")),
    Column("source", Text, nullable=False, server_default=text("''")),
    Column("most_kbps", Integer, nullable=False, server_default=text("0")),
    Column("most_lines", Integer, nullable=False, server_default=text("0")),
    Column("most_seconds", Integer, nullable=False, server_default=text("0")),
)

# Splices that the API was asked for; `event` is 32 bits. A row is forgotten some time after it is over.
cue = Table(
    "cue",
    metadata,
    Column("channel", String(64), ForeignKey("channel.channel", ondelete="CASCADE"), primary_key=True),
    Column("event", Integer, primary_key=True),
    Column("action", String(8), primary_key=True),
    Column("at_ms", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("section", LargeBinary, nullable=False),
    Column("created_ms", Integer, nullable=False),
)

stream_key = Table(
    "stream_key",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("channel", String(64), ForeignKey("channel.channel", ondelete="CASCADE"), nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("label", Text, nullable=False),
)

asset = Table(
    "asset",
    metadata,
    Column("asset", String(64), primary_key=True),
    Column("title", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("report", Text),
    Column("reason", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("rev", Integer, nullable=False),
    Index("ix_asset_created", "created_ms", "asset"),
)
