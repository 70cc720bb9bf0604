"""Identity: known devices, the second step of log-in with recovery codes, and links sent by e-mail."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("user", sa.Column("email_verified_at", MOMENT))
    op.add_column("user", sa.Column("totp_secret", sa.String(400)))
    op.add_column("user", sa.Column("totp_enabled_at", MOMENT))
    op.add_column("user", sa.Column("totp_last_step", NUMBER))
    op.add_column("login_session", sa.Column("awaits_code", sa.Boolean(), nullable=False, server_default=sa.false()))
    create("known_device",
        text("token_hash", 64), moment("expires_at"),
        sa.UniqueConstraint("user_id", "token_hash", name="uq_known_device_user_id"),
    )
    op.create_index("ix_known_device_expires_at", "known_device", ["expires_at"])
    create("recovery_code",
        text("code_hash", 64), sa.Column("used_at", MOMENT),
        sa.UniqueConstraint("user_id", "code_hash", name="uq_recovery_code_user_id"),
    )
    create("email_link",
        text("purpose", 16), text("token_hash", 64), moment("expires_at"), sa.Column("used_at", MOMENT),
        sa.UniqueConstraint("token_hash", name="uq_email_link_token_hash"),
    )
    op.create_index("ix_email_link_user_id", "email_link", ["user_id"])
    op.create_index("ix_email_link_expires_at", "email_link", ["expires_at"])


def downgrade() -> None:
    for table in ("email_link", "recovery_code", "known_device"):
        op.drop_table(table)
    with op.batch_alter_table("login_session") as login_session:
        login_session.drop_column("awaits_code")
    with op.batch_alter_table("user") as user:
        for column in ("totp_last_step", "totp_enabled_at", "totp_secret", "email_verified_at"):
            user.drop_column(column)


def create(table: str, *columns_and_rules) -> None:
    """A table of things of one account, which go with it."""
    op.create_table(
        table,
        sa.Column("user_id", NUMBER, nullable=False), *columns_and_rules,
        sa.Column("id", NUMBER, nullable=False), moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=f"fk_{table}_user_id_user", ondelete="CASCADE"),
    )


def text(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=False)


def moment(name: str) -> sa.Column:
    return sa.Column(name, MOMENT, nullable=False)
