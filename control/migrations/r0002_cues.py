"""Splices that were asked for, and what a channel wants of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("channel", sa.Column("splices", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("channel", sa.Column("interstitials", sa.Text, nullable=False, server_default=sa.text("''")))
    op.create_table(
        "cue",
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("event", sa.Integer, nullable=False),
        sa.Column("action", sa.String(8), nullable=False),
        sa.Column("at_ms", sa.Integer, nullable=False),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.Column("section", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("channel", "event", "action", name="pk_cue"),
        sa.ForeignKeyConstraint(["channel"], ["channel.channel"], name="fk_cue_channel_channel", ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("cue")
    op.drop_column("channel", "interstitials")
    op.drop_column("channel", "splices")
