"""The addresses of this app below `/api/` and `/api/v<N>/`."""

from django.urls import path

from . import short_links, teams, tokens, users

urlpatterns = [
    path("user", users.CurrentUser.as_view()),
    path("users", users.Users.as_view()),
    path("users/<str:user_id>", users.UserDetail.as_view()),
    path("users/<str:user_id>/loggedTime", users.LoggedTime.as_view()),
    path("teams", teams.Teams.as_view()),
    path("teams/<str:team_id>", teams.TeamDetail.as_view()),
    path("auth/token", tokens.AuthToken.as_view()),
    path("userToken/generate", tokens.ShortLivedToken.as_view()),
    path("shortLinks", short_links.ShortLinks.as_view()),
    path("shortLinks/byKey/<str:key>", short_links.ShortLinkByKey.as_view()),
]
