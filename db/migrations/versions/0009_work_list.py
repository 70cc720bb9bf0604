"""The work list: how each mole stands, in one row that is quick to count and to sort; templates of notes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "mole_summary",
        number("lesion_id", nullable=False), number("patient_id", nullable=False),
        sa.Column("body_site", sa.String(40), nullable=False), number("urgency", nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        number("upload_id"), number("visit_id"), sa.Column("probability", sa.Double()), sa.Column("change", sa.Double()),
        sa.Column("last_visited_on", sa.Date()), sa.Column("due_on", sa.Date()),
        number("id", nullable=False), sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mole_summary"),
        sa.UniqueConstraint("lesion_id", name="uq_mole_summary_lesion_id"),
        foreign("mole_summary", "lesion_id", "lesion"), foreign("mole_summary", "patient_id", "user"),
        foreign("mole_summary", "upload_id", "upload", ondelete="SET NULL"),
        foreign("mole_summary", "visit_id", "visit", ondelete="SET NULL"),
    )
    op.create_index("ix_mole_summary_waiting", "mole_summary", ["patient_id", "urgency", "due_on", "lesion_id"])
    op.create_table(
        "note_template",
        number("author_id", nullable=False), sa.Column("title", sa.Text(), nullable=False), sa.Column("text", sa.Text(), nullable=False),
        sa.Column("for_patient", sa.Boolean(), nullable=False),
        number("id", nullable=False), sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_note_template"),
        foreign("note_template", "author_id", "user"),
    )
    op.create_index("ix_note_template_author_id", "note_template", ["author_id"])


def downgrade() -> None:
    op.drop_table("note_template")
    op.drop_table("mole_summary")


def number(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, NUMBER, nullable=nullable)


def foreign(table: str, column: str, other: str, *, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete=ondelete)
