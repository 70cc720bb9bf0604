"""Evolution: how two photos of a mole lie over each other."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alignment",
        sa.Column("first_upload_id", NUMBER, nullable=False),
        sa.Column("second_upload_id", NUMBER, nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("matrix", sa.JSON(), nullable=False),
        sa.Column("relative_scale", sa.Double(), nullable=False),
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["first_upload_id"], ["upload.id"], name="fk_alignment_first_upload_id_upload", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["second_upload_id"], ["upload.id"], name="fk_alignment_second_upload_id_upload", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_alignment"),
        sa.UniqueConstraint("first_upload_id", "second_upload_id", name="uq_alignment_first_upload_id"),
    )
    op.create_index("ix_alignment_second_upload_id", "alignment", ["second_upload_id"])


def downgrade() -> None:
    op.drop_table("alignment")
