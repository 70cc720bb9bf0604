"""The patient's own place: how the figure of the body map looks."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = ("figure_build", "figure_skin")


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("user", sa.Column(column, sa.String(8)))


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_column("user", column)
