"""The reasons of the work list are put in words as whoever reads them writes dates, not stored."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("mole_summary", "reason")


def downgrade() -> None:
    op.add_column("mole_summary", sa.Column("reason", sa.String(200), nullable=False, server_default=""))
