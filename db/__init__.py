"""Storage: SQLAlchemy models, engine and session, Alembic migrations. Knows nothing of the rest of Moletrail."""
