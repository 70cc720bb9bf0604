"""What can go wrong in a way that a person is told of. Every message is a sentence, or a few, ready to show."""

from __future__ import annotations


class ServiceError(Exception):
    """Base of all errors whose text is meant for the person."""


class ValidationError(ServiceError):
    """Something typed or chosen cannot be taken; nothing was stored."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields
        """Field name -> sentence, to be shown beside the field."""


class Conflict(ServiceError):
    """Somebody else changed the same thing first; the sentence says who and when. Nothing was stored."""


class AccessError(ServiceError):
    """Refused by services.policy, which says in `attempt` (actor id, action, patient id) what was tried, for the audit trail."""

    attempt: tuple[int, str, int | None] | None = None


class NotAllowed(AccessError):
    """The person's role does not include this."""

    def __init__(self, message: str = "You may not see this. It belongs to another kind of account.") -> None:
        super().__init__(message)


class NotFound(AccessError):
    """There is no such thing, or it is someone else's: the two are told apart for nobody."""

    def __init__(self, message: str = "This does not exist, or it is not shared with you.") -> None:
        super().__init__(message)


class LoginFailed(ServiceError):
    """The log-in was refused; the sentence says why without telling whether an account exists."""


class SecondStepNeeded(LoginFailed):
    """The password was right; `pending` goes to two_factor.finish_log_in with the code, within five minutes."""

    def __init__(self, pending: str) -> None:
        super().__init__("This account asks for the code of its authenticator app too.")
        self.pending = pending


class PhotoRefused(ServiceError):
    """The file cannot be used at all; nothing was stored."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class ConsentMissing(ServiceError):
    """No photo is taken in before the patient accepted the consent text in force."""

    def __init__(self) -> None:
        super().__init__("Before a photo is taken in, please read and accept what is done with your photos, under Consent.")


class LooksDifferent(ServiceError):
    """A question rather than a fault: the photo may show another mole. Nothing was stored."""

    def __init__(self, last_day: str, last_upload_id: int) -> None:
        super().__init__(f"This photo does not look like the one of {last_day}. Is it the same mole? Nothing is stored yet.")
        self.last_upload_id = last_upload_id


class StorageFailed(ServiceError):
    """The database or the disk did not take it. What was stored before is untouched."""
