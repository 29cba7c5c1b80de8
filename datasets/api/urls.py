"""The addresses of the datasets' API, below /api/ and /api/v13/ to /api/v16/."""

from django.urls import path

from datasets.streaming.views import layer_thumbnail

from . import views

urlpatterns = [
    path("datasets", views.DatasetListView.as_view()),
    path(
        "datasets/disambiguate/<str:organization_id>/<str:directory_name>/toId",
        views.DisambiguateView.as_view(),
    ),
    path("datasets/<str:name>/isValidNewName", views.IsValidNewNameView.as_view()),
    path("datasets/<str:dataset_id>/sharingToken", views.SharingTokenView.as_view()),
    path(
        "datasets/<str:dataset_id>/layers/<str:layer_name>/thumbnail",
        layer_thumbnail,
        name="layer-thumbnail",
    ),
    path("datasets/<str:dataset_id>", views.DatasetView.as_view()),
    path("datastores", views.DataStoreListView.as_view()),
]
