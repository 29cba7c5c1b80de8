"""The addresses of this app below `/api/` and `/api/v<N>/`."""

from django.urls import path

from . import views

urlpatterns = [
    path("user", views.CurrentUser.as_view()),
    path("users", views.Users.as_view()),
    path("users/<str:user_id>", views.UserDetail.as_view()),
    path("teams", views.Teams.as_view()),
    path("auth/token", views.AuthToken.as_view()),
    path("userToken/generate", views.ShortLivedToken.as_view()),
]
