"""One model a file; importing this package registers all of them."""

from db.models.audit_event import AuditEvent
from db.models.care_grant import CareGrant
from db.models.diagnosis import Diagnosis
from db.models.email_link import EmailLink, LinkPurpose
from db.models.known_device import KnownDevice
from db.models.lesion import Lesion, Visit
from db.models.login_session import LoginSession
from db.models.login_throttle import LoginThrottle
from db.models.note import Note
from db.models.recovery_code import RecoveryCode
from db.models.upload import Upload
from db.models.user import AccountState, Role, Sex, User

__all__ = [
    "AccountState", "AuditEvent", "CareGrant", "Diagnosis", "EmailLink", "KnownDevice", "Lesion", "LinkPurpose", "LoginSession",
    "LoginThrottle", "Note", "RecoveryCode", "Role", "Sex", "Upload", "User", "Visit",
]
