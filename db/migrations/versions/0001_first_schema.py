"""The first schema: accounts and log-ins, moles with visits, photos, diagnoses and notes, shares, the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

# The audit trail only grows: the database itself refuses anything else, whoever asks.
SEALS = {
    "sqlite": [
        """CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
           BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
        """CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
           BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    ],
    "postgresql": [
        """CREATE FUNCTION audit_event_sealed() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$""",
        """CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE ON audit_event
           FOR EACH ROW EXECUTE FUNCTION audit_event_sealed()""",
        """CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event
           FOR EACH STATEMENT EXECUTE FUNCTION audit_event_sealed()""",
    ],
}


def upgrade() -> None:
    create("user",
        text("email", 254), text("password_hash", 255), text("role", 16), text("account_state", 16),
        text("first_name", 100), text("surname", 100), text("address", 200), text("second_address", 200),
        text("city", 100), text("state_region", 100), text("zip_code", 12), text("sex", 16),
        sa.Column("birth_date", sa.Date()),
        unique("user", "email"),
    )
    create("login_session",
        number("user_id"),
        text("ticket_hash", 64, nullable=True), moment("ticket_expires_at", nullable=True), text("token_hash", 64, nullable=True),
        moment("last_seen_at"), moment("expires_at"), moment("ended_at", nullable=True), text("user_agent", 200),
        foreign("login_session", "user_id", "user"),
        unique("login_session", "ticket_hash"), unique("login_session", "token_hash"),
    )
    index("login_session", "user_id")
    create("login_throttle",
        text("key", 80), number("failures"), moment("last_failed_at"), moment("blocked_until", nullable=True),
        unique("login_throttle", "key"),
    )
    index("login_throttle", "last_failed_at")
    create("care_grant",
        number("patient_id"), number("doctor_id"), moment("revoked_at", nullable=True),
        foreign("care_grant", "patient_id", "user"), foreign("care_grant", "doctor_id", "user"),
    )
    index("care_grant", "doctor_id")
    in_force = sa.text("revoked_at IS NULL")
    op.create_index(
        "uq_care_grant_in_force", "care_grant", ["patient_id", "doctor_id"], unique=True,
        sqlite_where=in_force, postgresql_where=in_force,
    )

    create("lesion",
        number("patient_id"), text("name", 100), text("body_site", 40), sa.Column("first_noticed", sa.Date()),
        foreign("lesion", "patient_id", "user"),
    )
    index("lesion", "patient_id")
    create("visit",
        number("lesion_id"), sa.Column("visited_on", sa.Date(), nullable=False), text("note", 2000),
        foreign("visit", "lesion_id", "lesion"), unique("visit", "lesion_id", "visited_on"),
    )
    create("upload",
        number("visit_id"), text("content_hash", 64), number("width"), number("height"),
        text("original_format", 16), number("original_bytes"),
        sa.Column("accepted", sa.Boolean(), nullable=False), json("reasons"), json("warnings"),
        foreign("upload", "visit_id", "visit"),
    )
    index("upload", "visit_id")
    index("upload", "content_hash")
    create("diagnosis",
        number("upload_id"),
        real("malignant_probability"), real("interval_low"), real("interval_high"), text("diagnosis", 16), text("confidence", 8),
        text("chosen_model", 40), real("expected_dice", nullable=True), real("area_fraction"), real("area_mm2", nullable=True),
        json("masks"), json("measurements"), json("differential"), json("model_versions"), real("elapsed_ms"),
        foreign("diagnosis", "upload_id", "upload"),
    )
    index("diagnosis", "upload_id")
    index("diagnosis", "diagnosis")
    create("note",
        number("visit_id"), number("author_id"), text("text", 4000),
        foreign("note", "visit_id", "visit"), foreign("note", "author_id", "user", ondelete=None),
    )
    index("note", "visit_id")

    create("audit_event",
        number("actor_id", nullable=True), text("action", 40), text("subject", 40), number("patient_id", nullable=True),
        text("outcome", 16), text("previous_hash", 64), text("hash", 64),
        unique("audit_event", "hash"),
    )
    index("audit_event", "action")
    index("audit_event", "patient_id")
    op.create_index("ix_audit_event_actor_subject", "audit_event", ["actor_id", "subject"])
    for statement in SEALS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for table in ("audit_event", "note", "diagnosis", "upload", "visit", "lesion", "care_grant", "login_throttle", "login_session", "user"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_event_sealed()")


def create(table: str, *columns_and_rules) -> None:
    op.create_table(
        table, *columns_and_rules, number("id"), moment("created_at"), sa.PrimaryKeyConstraint("id", name=f"pk_{table}")
    )


def text(name: str, length: int, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=nullable)


def number(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, NUMBER, nullable=nullable)


def real(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Double(), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, MOMENT, nullable=nullable)


def json(name: str) -> sa.Column:
    return sa.Column(name, sa.JSON(), nullable=False)


def foreign(table: str, column: str, other: str, *, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete=ondelete)


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{columns[0]}")


def index(table: str, column: str) -> None:
    op.create_index(f"ix_{table}_{column}", table, [column])
