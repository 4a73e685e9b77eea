"""Channels, stream keys, assets and the sequence of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "revision",
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("time", sa.Integer, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_revision"),
    )
    op.create_table(
        "channel",
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("edition", sa.String(16), nullable=False),
        sa.Column("segment_ms", sa.Integer, nullable=False),
        sa.Column("part_ms", sa.Integer, nullable=False),
        sa.Column("window_s", sa.Integer, nullable=False),
        sa.Column("demo", sa.Boolean, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("rev", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_channel"),
    )
    op.create_table(
        "stream_key",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_stream_key"),
        sa.ForeignKeyConstraint(["channel"], ["channel.channel"], name="fk_stream_key_channel", ondelete="CASCADE"),
    )
    op.create_table(
        "asset",
        sa.Column("asset", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("report", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("rev", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("asset", name="pk_asset"),
    )
    op.create_index("ix_asset_created", "asset", ["created_ms", "asset"])


def downgrade() -> None:
    for table in ("asset", "stream_key", "channel", "revision"):
        op.drop_table(table)
