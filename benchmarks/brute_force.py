"""`python -m benchmarks.brute_force`: 1,000 guesses over 10 accounts, as fast as the waits let them through, on a simulated clock.

Prints how many were really tried within an hour, from one address and from a new address for every guess, beside what
would be tried without the throttle, and whether the owners still get in from a browser they used before.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import date, timedelta

GUESSES, ACCOUNTS = 1000, 10
STEP = timedelta(seconds=3.6)  # 1,000 in an hour
PASSWORD = "seven grey otters"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MOLETRAIL_DATA"] = folder
        os.environ.pop("DATABASE_URL", None)
        from argon2 import PasswordHasher

        from services import passwords, start

        passwords.use_hasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))  # the counting is measured, not the hashing
        start.prepare()
        owners_in = True
        attackers = {"one address": lambda guess: "203.0.113.7", "an address a guess": lambda guess: f"198.18.{guess // 250}.{guess % 250}"}
        for number, (name, address_of) in enumerate(attackers.items()):
            tried, known, strangers = attack(number, address_of)
            owners_in = owners_in and known == ACCOUNTS
            print(
                f"{name}: {tried} of {GUESSES} guesses tried within an hour ({tried / GUESSES:.1%} of what no throttle lets through); "
                f"right after it {known} of {ACCOUNTS} owners get in from a known browser, {strangers} from an unknown one"
            )
    return 0 if owners_in else 1


def attack(number: int, address_of) -> tuple[int, int, int]:
    """Guess for an hour; returns how many guesses reached a password, and how many owners get in afterwards."""
    from db import base
    from services import accounts, devices, sessions, throttle
    from services.errors import LoginFailed
    from services.fields import Details

    moment = base.now() + timedelta(days=2 * number)
    for module in (accounts, devices, sessions, throttle):
        module.now = lambda: moment

    details = Details("Ann", "Archer", "12 Garden Road", "", "Springfield", "Illinois", "62701", "female", date(1980, 5, 17))
    emails = [f"owner{number}.{account}@example.org" for account in range(ACCOUNTS)]
    known_browsers = []
    for email in emails:
        accounts.sign_up(role="patient", email=email, password=PASSWORD, details=details)
        known_browsers.append(devices.remember(token=accounts.redeem_ticket(ticket=accounts.log_in(email=email, password=PASSWORD))))

    def gets_in(email: str, password: str, **more: str) -> bool | None:
        """None where the try had to wait."""
        try:
            accounts.log_in(email=email, password=password, **more)
        except LoginFailed as error:
            return False if str(error) == accounts.WRONG else None
        return True

    tried = 0
    for guess in range(GUESSES):
        tried += gets_in(emails[guess % ACCOUNTS], f"guess {guess}", client_address=address_of(guess)) is False
        moment += STEP
    known = sum(gets_in(email, PASSWORD, device=device) is True for email, device in zip(emails, known_browsers, strict=True))
    strangers = sum(gets_in(email, PASSWORD, client_address="192.0.2.44") is True for email in emails)
    return tried, known, strangers


if __name__ == "__main__":
    sys.exit(main())
