"""By which rules a row of the work list was made, so that only those of older rules are made anew."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mole_summary") as mole_summary:
        mole_summary.add_column(sa.Column("rules", sa.String(16), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("mole_summary") as mole_summary:
        mole_summary.drop_column("rules")
