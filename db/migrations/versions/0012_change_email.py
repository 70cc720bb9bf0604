"""The address that a link is to confirm in place of the account's own."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("email_link") as email_link:
        email_link.add_column(sa.Column("new_email", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("email_link") as email_link:
        email_link.drop_column("new_email")
