"""The tables of people and access."""

from .api_token import ApiToken
from .invitation import Invitation
from .organization import Organization
from .sharing_link import SharingLink
from .team import Team, TeamMembership
from .user import User

__all__ = [
    "ApiToken",
    "Invitation",
    "Organization",
    "SharingLink",
    "Team",
    "TeamMembership",
    "User",
]
