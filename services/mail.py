"""E-mail: sent by SMTP in the background where a server is set, otherwise written to the log, for whoever runs this site to see."""

from __future__ import annotations

import logging
import queue
import smtplib
import ssl
import threading
import time
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from services.settings import settings

logger = logging.getLogger(__name__)

MOST_WAITING = 1000
TIMEOUT_S = 30
TRY_AGAIN_AFTER_S = (5, 60)
HERE = {"localhost", "127.0.0.1", "::1"}

_waiting: queue.Queue[EmailMessage] = queue.Queue(MOST_WAITING)
_lock = threading.Lock()
_worker: threading.Thread | None = None


def goes_out() -> bool:
    """Whether a mail server is set; otherwise messages are only shown in the log."""
    return settings().smtp is not None


def send(*, to: str, subject: str, text: str) -> None:
    """Hand a message over and return at once. To be called after the commit of what it tells of."""
    if not goes_out():
        _show(to, subject, text)
        return
    try:
        _waiting.put_nowait(_message(to, subject, text))
    except queue.Full:
        logger.error("A message was dropped: %d wait already, the mail server does not answer.", MOST_WAITING)
        return
    _start_worker()


def send_now(*, to: str, subject: str, text: str) -> bool:
    """One try, and whether it went out: for who keeps the message and tries again. Shown in the log it counts as sent."""
    if not goes_out():
        _show(to, subject, text)
        return True
    return _tried(_message(to, subject, text))


def wait_until_sent() -> None:
    """Return when nothing waits any more, sent or given up."""
    _waiting.join()


def _start_worker() -> None:
    global _worker
    with _lock:
        if _worker is None or not _worker.is_alive():
            _worker = threading.Thread(target=_work, name="mail", daemon=True)
            _worker.start()


def _work() -> None:
    while True:
        message = _waiting.get()
        try:
            _deliver(message)
        finally:
            _waiting.task_done()


def _show(to: str, subject: str, text: str) -> None:
    words = "No mail server is set (MOLETRAIL_SMTP), so this message is only shown here.\nTo: %s\nSubject: %s\n\n%s"
    logger.warning(words, to, subject, text)


def _message(to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings().mail_from, to, subject
    message.set_content(text)
    return message


def _deliver(message: EmailMessage) -> None:
    for pause_s in (*TRY_AGAIN_AFTER_S, None):
        if _tried(message):
            return
        if pause_s is not None:
            time.sleep(pause_s)


def _tried(message: EmailMessage) -> bool:
    try:
        with _connected() as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        # Neither the address nor the server's words, which may repeat it, belong into a log.
        logger.error("A message could not be sent: %s.", type(error).__name__)
        return False
    return True


def _connected() -> smtplib.SMTP:
    """Encrypted, unless the server is on this machine: what is sent opens accounts."""
    address = urlsplit(settings().smtp)
    secure = ssl.create_default_context()
    if address.scheme == "smtps":
        server = smtplib.SMTP_SSL(address.hostname, address.port or 465, timeout=TIMEOUT_S, context=secure)
    else:
        server = smtplib.SMTP(address.hostname, address.port or 587, timeout=TIMEOUT_S)
        if address.hostname not in HERE:
            server.starttls(context=secure)
    if address.username:
        server.login(unquote(address.username), unquote(address.password or ""))
    return server
