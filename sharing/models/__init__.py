"""The tables of people and access."""

from .api_token import ApiToken
from .invitation import Invitation
from .organization import Organization
from .password_mail import PasswordMail
from .sharing_link import SharingLink
from .short_link import ShortLink
from .team import Team, TeamMembership
from .user import User
from .waiting_mail import WaitingMail

__all__ = [
    "ApiToken",
    "Invitation",
    "Organization",
    "PasswordMail",
    "SharingLink",
    "ShortLink",
    "Team",
    "TeamMembership",
    "User",
    "WaitingMail",
]
