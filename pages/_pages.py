"""Every page once: its address, its file, who it is for, and whether the menu shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PageEntry:
    url_path: str
    file: str
    """Relative to the folder `pages`."""
    title: str
    icon: str
    roles: tuple[str, ...]
    """Who may open it; empty means everybody, logged in or not."""
    home_of: str | None = None
    """The role that lands here after log-in; "nobody" for the logged out."""
    in_menu: bool = False
    wide: bool = False
    """Uses the whole window: tables, and photos beside plots."""

    def is_in_menu_of(self, role: str) -> bool:
        return role in self.roles and (self.in_menu or self.home_of == role)


EVERY_ROLE = ("patient", "doctor", "admin")

PAGES: dict[str, PageEntry] = {
    entry.url_path: entry
    for entry in (
        PageEntry("log-in", "account/log_in.py", "Log in", ":material/login:", (), home_of="nobody"),
        PageEntry("sign-up", "account/sign_up.py", "Sign up", ":material/person_add:", ()),
        PageEntry("reset-password", "account/reset_password.py", "New password", ":material/lock_reset:", ()),
        PageEntry("verify-email", "account/verify_email.py", "Confirm e-mail", ":material/mark_email_read:", ()),
        PageEntry("change-email", "account/change_email.py", "New e-mail address", ":material/alternate_email:", ()),
        PageEntry("moles", "patient/moles.py", "My moles", ":material/accessibility_new:", ("patient",), home_of="patient"),
        PageEntry("add-mole", "patient/add_mole.py", "Add a mole", ":material/add:", ("patient",)),
        PageEntry("edit-mole", "patient/edit_mole.py", "Change a mole", ":material/edit_location:", ("patient",)),
        PageEntry("mole", "patient/mole.py", "Mole", ":material/timeline:", ("patient",), wide=True),
        PageEntry("add-photo", "patient/add_photo.py", "Add a photo", ":material/add_a_photo:", ("patient",)),
        PageEntry("visit", "patient/visit.py", "Visit", ":material/photo:", ("patient",), wide=True),
        PageEntry("compare", "patient/compare.py", "Compare", ":material/compare:", ("patient",), wide=True),
        PageEntry("reminders", "patient/reminders.py", "Reminders", ":material/event:", ("patient",), in_menu=True),
        PageEntry("risk", "patient/risk.py", "Risk and history", ":material/assignment:", ("patient",), in_menu=True),
        PageEntry("add-photos", "patient/add_photos.py", "Add several photos", ":material/add_photo_alternate:", ("patient",)),
        PageEntry("sharing", "patient/sharing.py", "Sharing", ":material/group:", ("patient",), in_menu=True),
        PageEntry("shared-mole", "shared_mole.py", "Shared mole", ":material/link:", (), wide=True),
        PageEntry("my-data", "patient/my_data.py", "My data", ":material/folder_shared:", ("patient",), in_menu=True),
        PageEntry("bin", "patient/bin.py", "Bin", ":material/delete:", ("patient",)),
        PageEntry("consent", "patient/consent.py", "Consent", ":material/handshake:", ("patient",)),
        PageEntry("work-list", "doctor/work_list.py", "Work list", ":material/checklist:", ("doctor",), home_of="doctor", wide=True),
        PageEntry("patients", "doctor/patients.py", "Patients", ":material/groups:", ("doctor",), in_menu=True, wide=True),
        PageEntry("patient", "doctor/patient.py", "Patient", ":material/person:", ("doctor",), wide=True),
        PageEntry("timeline", "doctor/timeline.py", "Timeline", ":material/timeline:", ("doctor",), wide=True),
        PageEntry("case", "doctor/visit.py", "Visit", ":material/photo:", ("doctor",), wide=True),
        PageEntry("compare-visits", "doctor/compare.py", "Compare", ":material/compare:", ("doctor",), wide=True),
        PageEntry("opinions", "doctor/opinions.py", "Opinions", ":material/forum:", ("doctor",), in_menu=True, wide=True),
        PageEntry("opinion", "doctor/opinion.py", "Opinion", ":material/forum:", ("doctor",), wide=True),
        PageEntry("model-cards", "doctor/model_cards.py", "Model cards", ":material/fact_check:", ("doctor", "admin"), in_menu=True),
        PageEntry(
            "performance", "doctor/performance.py", "Performance", ":material/monitoring:", ("doctor", "admin"), in_menu=True, wide=True
        ),
        PageEntry("accounts", "admin/accounts.py", "Accounts", ":material/manage_accounts:", ("admin",), home_of="admin", wide=True),
        PageEntry("records", "admin/records.py", "Records", ":material/table:", ("admin",), in_menu=True, wide=True),
        PageEntry("account", "account/profile.py", "My account", ":material/account_circle:", EVERY_ROLE, in_menu=True),
    )
}


def home_of(role: str) -> PageEntry:
    """Where a person of this role starts; "nobody" for the logged out."""
    return next(entry for entry in PAGES.values() if entry.home_of == role)
