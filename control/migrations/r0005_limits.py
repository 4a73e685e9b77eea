"""What a channel's stream key allows: kbit/s, lines of a picture, seconds of a session; 0 is no limit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_COLUMNS = ("most_kbps", "most_lines", "most_seconds")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("channel", sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("channel", name)
