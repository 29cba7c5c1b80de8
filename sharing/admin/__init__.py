"""People and access in the admin.

What Django registers by itself and what would only confuse - groups are the teams' own machinery -
is taken out again.
"""

from django.contrib import admin
from django.contrib.auth.models import Group

from . import attempts, invitations, organizations, teams, tokens, users, waiting_mails

__all__ = ["attempts", "invitations", "organizations", "teams", "tokens", "users", "waiting_mails"]

admin.site.unregister(Group)
