"""Registrations by skin farther from the mole: a rim that grew with it could pass for a nearer camera and hide a fifth of growth."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Both are made anew from the photos and the other tables: services.alignments.complete, services.summaries.
    op.execute("DELETE FROM alignment")
    op.execute("DELETE FROM mole_summary")


def downgrade() -> None:
    """Nothing: what is there fits the older code too."""
