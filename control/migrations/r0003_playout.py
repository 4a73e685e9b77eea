"""What a linear channel plays: its schedule as JSON (base.desired.PlayoutSpec), empty for none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("channel", sa.Column("playout", sa.Text, nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    op.drop_column("channel", "playout")
