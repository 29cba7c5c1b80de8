"""What workers do for this app."""

from celery import shared_task

from .services import mails, password_mails


@shared_task(name="sharing.tasks.send_password_reset")
def send_password_reset(email: str) -> None:
    """Mail a link for a new password, where an active account has this address.

    It takes the address and no id: the page that asks must not even look whether one exists.
    """
    password_mails.send(email)


@shared_task(name="sharing.tasks.send_waiting_mails")
def send_waiting_mails() -> None:
    """Try the mails that the mail server has not taken yet."""
    mails.send_due()
