"""`python -m db upgrade | current | downgrade REVISION | revision NUMBER MESSAGE` on DATABASE_URL or the data folder's database."""

from __future__ import annotations

import argparse
import os

from db import migrate
from db.url import database_url


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m db", description="Migrate the database.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("upgrade", help="bring the database to the newest schema; makes it if missing")
    verbs.add_parser("current", help="print the schema the database is at")
    verbs.add_parser("downgrade", help="go back to a revision ('base': drop all tables)").add_argument("revision")
    revision = verbs.add_parser("revision", help="write a new migration from the models")
    revision.add_argument("number", help="e.g. 0002")
    revision.add_argument("message", help="a few words, they name the file")
    arguments = parser.parse_args()

    url = database_url(os.environ)
    match arguments.verb:
        case "upgrade":
            migrate.upgrade(url)
        case "current":
            print(migrate.current(url))
        case "downgrade":
            migrate.downgrade(url, arguments.revision)
        case "revision":
            migrate.write_revision(url, message=arguments.message, number=arguments.number)


if __name__ == "__main__":
    main()
