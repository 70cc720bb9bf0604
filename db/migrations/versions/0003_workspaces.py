"""The workspaces: body map, scale, bin, reviews and second opinions, reminders, consent, risk answers, links, mail, notifications."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

ADDED = {
    "lesion": (
        sa.Column("map_view", sa.String(8)), sa.Column("map_x", sa.Double()), sa.Column("map_y", sa.Double()),
        sa.Column("recheck_days", NUMBER), sa.Column("deleted_at", MOMENT),
        sa.Column("version", NUMBER, nullable=False, server_default="1"),
    ),
    "upload": (
        sa.Column("scale_mm_per_pixel", sa.Double()), sa.Column("scale_source", sa.String(16)),
        sa.Column("scale_relative_error", sa.Double()), sa.Column("deleted_at", MOMENT),
    ),
    "diagnosis": (sa.Column("heat_map", sa.String(64)), sa.Column("features", sa.LargeBinary())),
    "note": (sa.Column("for_patient", sa.Boolean(), nullable=False, server_default=sa.true()),),
    "user": (
        sa.Column("units", sa.String(4), nullable=False, server_default="mm"),
        sa.Column("date_style", sa.String(8), nullable=False, server_default="en-GB"),
        sa.Column("reminder_emails", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("erased_at", MOMENT),
    ),
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        for column in columns:
            op.add_column(table, column)
    index("lesion", "deleted_at")
    index("upload", "deleted_at")
    create("second_opinion",
        number("diagnosis_id"), number("asker_id"), number("colleague_id"), text("question", 1000),
        sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("answered_at", MOMENT), sa.Column("withdrawn_at", MOMENT),
        foreign("second_opinion", "diagnosis_id", "diagnosis"),
        foreign("second_opinion", "asker_id", "user", ondelete=None), foreign("second_opinion", "colleague_id", "user", ondelete=None),
        indexed=("diagnosis_id", "asker_id", "colleague_id"),
    )
    create("review",
        number("diagnosis_id"), number("author_id"), number("supersedes_id", nullable=True), number("opinion_id", nullable=True),
        text("verdict", 16), sa.Column("malignant", sa.Boolean(), nullable=False), text("code", 20),
        text("reason", 2000), text("for_patient", 2000), text("management", 16), sa.Column("follow_up_on", sa.Date()),
        sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("histology_code", sa.String(20), nullable=False, server_default=""),
        sa.Column("histology_malignant", sa.Boolean()), sa.Column("histology_on", sa.Date()),
        sa.Column("mask", sa.String(64)), sa.Column("measurements", sa.JSON()),
        foreign("review", "diagnosis_id", "diagnosis"), foreign("review", "author_id", "user", ondelete=None),
        foreign("review", "supersedes_id", "review"), foreign("review", "opinion_id", "second_opinion"),
        sa.UniqueConstraint("supersedes_id", name="uq_review_supersedes_id"),
        indexed=("diagnosis_id", "author_id", "opinion_id"),
    )
    create("reminder",
        number("lesion_id"), sa.Column("due_on", sa.Date(), nullable=False), text("reason", 16),
        number("set_by_id", nullable=True), sa.Column("emailed_at", MOMENT),
        foreign("reminder", "lesion_id", "lesion"), foreign("reminder", "set_by_id", "user", ondelete=None),
        sa.UniqueConstraint("lesion_id", name="uq_reminder_lesion_id"),
        indexed=("due_on",),
    )
    create("consent_record",
        number("user_id"), text("version", 16), text("text_hash", 64), sa.Column("withdrawn_at", MOMENT),
        foreign("consent_record", "user_id", "user"),
        indexed=("user_id",),
    )
    create("risk_answers",
        number("user_id"), number("version"), text("answers", 8000),
        foreign("risk_answers", "user_id", "user"),
        sa.UniqueConstraint("user_id", "version", name="uq_risk_answers_user_id"),
    )
    create("mole_link",
        number("lesion_id"), text("token_hash", 64), sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT), sa.Column("opened_at", MOMENT),
        foreign("mole_link", "lesion_id", "lesion"),
        sa.UniqueConstraint("token_hash", name="uq_mole_link_token_hash"),
        indexed=("lesion_id", "expires_at"),
    )
    create("outgoing_mail",
        number("user_id"), text("subject", 200), text("body", 8000), number("attempts"),
        sa.Column("next_try_at", MOMENT), sa.Column("sent_at", MOMENT),
        foreign("outgoing_mail", "user_id", "user"),
        indexed=("user_id", "next_try_at"),
    )
    create("notification",
        number("user_id"), text("kind", 24), number("lesion_id", nullable=True), number("visit_id", nullable=True),
        number("about_id", nullable=True), sa.Column("read_at", MOMENT),
        foreign("notification", "user_id", "user"), foreign("notification", "lesion_id", "lesion"),
        foreign("notification", "visit_id", "visit"), foreign("notification", "about_id", "user"),
        indexed=("user_id",),
    )


def downgrade() -> None:
    for table in (
        "notification", "outgoing_mail", "mole_link", "risk_answers", "consent_record", "reminder", "review", "second_opinion",
    ):
        op.drop_table(table)
    for table in ("lesion", "upload"):
        op.drop_index(f"ix_{table}_deleted_at", table)
    for table, columns in ADDED.items():
        with op.batch_alter_table(table) as altered:
            for column in columns:
                altered.drop_column(column.name)


def create(table: str, *columns_and_rules, indexed: tuple[str, ...] = ()) -> None:
    op.create_table(
        table, *columns_and_rules,
        number("id"), sa.Column("created_at", MOMENT, nullable=False), sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )
    for column in indexed:
        index(table, column)


def index(table: str, column: str) -> None:
    op.create_index(f"ix_{table}_{column}", table, [column])


def text(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=False)


def number(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, NUMBER, nullable=nullable)


def foreign(table: str, column: str, other: str, *, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete=ondelete)
