"""Whether the patient's risk is raised, beside each mole of the work list."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The rows can be made anew from the other tables, and are at the next start: see services.summaries.
    op.execute("DELETE FROM mole_summary")
    with op.batch_alter_table("mole_summary") as mole_summary:
        mole_summary.add_column(sa.Column("raised_risk", sa.Boolean(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("mole_summary") as mole_summary:
        mole_summary.drop_column("raised_risk")
