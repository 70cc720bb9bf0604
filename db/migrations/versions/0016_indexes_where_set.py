"""What lies in the bin and what answers a question is indexed alone: an index of all rows led searches through every photo there is."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = {"lesion": "deleted_at", "upload": "deleted_at", "review": "opinion_id"}


def upgrade() -> None:
    for table, column in COLUMNS.items():
        held = sa.text(f"{column} IS NOT NULL")
        op.drop_index(f"ix_{table}_{column}", table)
        op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=held, postgresql_where=held)


def downgrade() -> None:
    for table, column in COLUMNS.items():
        op.drop_index(f"ix_{table}_{column}", table)
        op.create_index(f"ix_{table}_{column}", table, [column])
