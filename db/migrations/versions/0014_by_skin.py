"""Whether the skin around the mole bears a registration: until then, one that followed a growing mole hid its growth."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Both can be made anew from the photos and the other tables: services.alignments.complete, services.summaries.
    op.execute("DELETE FROM alignment")
    op.execute("DELETE FROM mole_summary")
    with op.batch_alter_table("alignment") as alignment:
        alignment.add_column(sa.Column("by_skin", sa.Boolean(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("alignment") as alignment:
        alignment.drop_column("by_skin")
