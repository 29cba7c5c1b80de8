"""The addresses of this app's pages; those of its API are in sharing.api.urls."""

from django.urls import path

from .views import account, invitations, short_links, sign_in, teams, users

app_name = "sharing"
urlpatterns = [
    path("auth/login", sign_in.SignIn.as_view(), name="sign-in"),
    path("auth/logout", sign_in.SignOut.as_view(), name="sign-out"),
    path("auth/password", sign_in.PasswordReset.as_view(), name="password-reset"),
    path("auth/password/sent", sign_in.PasswordResetSent.as_view(), name="password-reset-sent"),
    path("auth/password/done", sign_in.PasswordResetDone.as_view(), name="password-reset-done"),
    path(
        "auth/password/<str:uidb64>/<str:token>",
        sign_in.PasswordResetConfirm.as_view(),
        name="password-reset-confirm",
    ),
    path(
        "auth/invitation/<str:secret>",
        invitations.AcceptInvitation.as_view(),
        name="accept-invitation",
    ),
    path("account", account.Account.as_view(), name="account"),
    path("account/password", account.ChangePassword.as_view(), name="change-password"),
    path("account/mails", account.ChooseMails.as_view(), name="choose-mails"),
    path("account/token", account.Tokens.as_view(), name="tokens"),
    path("account/token/<str:token_id>/revoke", account.RevokeToken.as_view(), name="revoke-token"),
    path("links/<str:key>", short_links.follow, name="short-link"),
    path("teams", teams.Teams.as_view(), name="teams"),
    path("teams/<str:team_id>", teams.TeamDetail.as_view(), name="team"),
    path("teams/<str:team_id>/delete", teams.DeleteTeam.as_view(), name="delete-team"),
    path(
        "teams/<str:team_id>/members/<str:user_id>/remove",
        teams.RemoveMember.as_view(),
        name="remove-member",
    ),
    path(
        "teams/<str:team_id>/members/<str:user_id>/manager",
        teams.SetManager.as_view(),
        name="set-manager",
    ),
    path("users", users.Users.as_view(), name="users"),
    path("users/<str:user_id>/roles", users.ChangeRoles.as_view(), name="change-roles"),
    path("users/<str:user_id>/deactivate", users.SetActive.as_view(), name="deactivate-user"),
    path(
        "users/<str:user_id>/reactivate",
        users.SetActive.as_view(is_active=True),
        name="reactivate-user",
    ),
    path(
        "users/invitations/<str:invitation_id>/resend",
        users.ResendInvitation.as_view(),
        name="resend-invitation",
    ),
    path(
        "users/invitations/<str:invitation_id>/revoke",
        users.RevokeInvitation.as_view(),
        name="revoke-invitation",
    ),
]
