"""Personal columns have room for sealed text, and e-mail addresses are found by a key of their own."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WIDENED = {
    "user": (
        ("email", 254), ("first_name", 100), ("surname", 100), ("address", 200), ("second_address", 200), ("city", 100),
        ("state_region", 100), ("zip_code", 12), ("sex", 16),
    ),
    "lesion": (("name", 100),),
    "visit": (("note", 2000),),
    "note": (("text", 4000),),
    "review": (("reason", 2000), ("for_patient", 2000)),
    "second_opinion": (("question", 1000),),
    "risk_answers": (("answers", 8000),),
    "outgoing_mail": (("body", 8000),),
}


def upgrade() -> None:
    op.add_column("user", sa.Column("email_key", sa.String(64), nullable=True))
    connection = op.get_bind()
    people = sa.table("user", sa.column("id"), sa.column("email"), sa.column("email_key"))
    for number, email in connection.execute(sa.select(people.c.id, people.c.email)).all():
        key = hashlib.sha256(email.encode()).hexdigest()
        connection.execute(sa.update(people).where(people.c.id == number).values(email_key=key))
    for table, columns in WIDENED.items():
        with op.batch_alter_table(table) as altered:
            for column, length in columns:
                altered.alter_column(column, existing_type=sa.String(length), type_=sa.Text(), existing_nullable=False)
            if table == "user":
                altered.alter_column("birth_date", existing_type=sa.Date(), type_=sa.Text(), postgresql_using="birth_date::text")
                altered.alter_column("email_key", existing_type=sa.String(64), nullable=False)
                altered.drop_constraint("uq_user_email", type_="unique")
                altered.create_unique_constraint("uq_user_email_key", ["email_key"])


def downgrade() -> None:
    """Only of a database that is not sealed: sealed text has no room in the narrow columns."""
    for table, columns in WIDENED.items():
        with op.batch_alter_table(table) as altered:
            for column, length in columns:
                altered.alter_column(column, existing_type=sa.Text(), type_=sa.String(length), existing_nullable=False)
            if table == "user":
                altered.alter_column("birth_date", existing_type=sa.Text(), type_=sa.Date(), postgresql_using="birth_date::date")
                altered.drop_constraint("uq_user_email_key", type_="unique")
                altered.create_unique_constraint("uq_user_email", ["email"])
                altered.drop_column("email_key")
