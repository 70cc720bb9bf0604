"""One model a file; importing this package registers all of them."""

from db.models.alignment import Alignment
from db.models.audit_event import AuditEvent
from db.models.care_grant import CareGrant
from db.models.consent_record import ConsentRecord
from db.models.diagnosis import Diagnosis
from db.models.email_link import EmailLink, LinkPurpose
from db.models.known_device import KnownDevice
from db.models.lesion import Lesion, Visit
from db.models.login_session import LoginSession
from db.models.login_throttle import LoginThrottle
from db.models.mole_link import MoleLink
from db.models.mole_summary import MoleSummary
from db.models.note import Note
from db.models.note_template import NoteTemplate
from db.models.notification import Notification
from db.models.outgoing_mail import OutgoingMail
from db.models.recovery_code import RecoveryCode
from db.models.reminder import Reminder
from db.models.review import Management, Review, Verdict
from db.models.risk_answers import RiskAnswers
from db.models.second_opinion import SecondOpinion
from db.models.upload import Upload
from db.models.user import AccountState, Role, Sex, User

__all__ = [
    "AccountState", "Alignment", "AuditEvent", "CareGrant", "ConsentRecord", "Diagnosis", "EmailLink", "KnownDevice", "Lesion",
    "LinkPurpose", "LoginSession", "LoginThrottle", "Management", "MoleLink", "MoleSummary", "Note", "NoteTemplate", "Notification",
    "OutgoingMail", "RecoveryCode", "Reminder", "Review", "RiskAnswers", "Role", "SecondOpinion", "Sex", "Upload", "User", "Verdict",
    "Visit",
]
