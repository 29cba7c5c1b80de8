"""The addresses of the datasets' API, below /api/ and /api/v13/ to /api/v16/."""

from django.urls import path

from datasets.streaming.views import layer_thumbnail

from . import compose, folders, paths, remote, sharing, storage, upkeep, view_configurations, views

urlpatterns = [
    path("datasets", views.DatasetListView.as_view()),
    path(
        "datasets/disambiguate/<str:organization_id>/<str:directory_name>/toId",
        views.DisambiguateView.as_view(),
    ),
    path("datasets/compose", compose.ComposeView.as_view()),
    path("datasets/<str:dataset_id>/compose/addLayer", compose.AddLayerView.as_view()),
    path("datasets/<str:dataset_id>/compose/addMag", compose.AddMagView.as_view()),
    path("datasets/<str:dataset_id>/compose/addAttachment", compose.AddAttachmentView.as_view()),
    path("datasets/exploreRemote", remote.RemoteDatasetsView.as_view()),
    path("datasets/exploreAndAddRemote", remote.RemoteDatasetsView.as_view()),
    path("datasets/reserveUploadToPaths", paths.ReserveDatasetView.as_view()),
    path(
        "datasets/<str:dataset_id>/reserveUploadToPathsForPreliminary",
        paths.ReservePreliminaryView.as_view(),
    ),
    path("datasets/<str:dataset_id>/finishUploadToPaths", paths.FinishDatasetView.as_view()),
    path("datasets/<str:dataset_id>/reserveMagUploadToPath", paths.ReserveMagView.as_view()),
    path("datasets/<str:dataset_id>/finishMagUploadToPath", paths.FinishMagView.as_view()),
    path(
        "datasets/<str:dataset_id>/reserveAttachmentUploadToPath",
        paths.ReserveAttachmentView.as_view(),
    ),
    path(
        "datasets/<str:dataset_id>/finishAttachmentUploadToPath",
        paths.FinishAttachmentView.as_view(),
    ),
    path("datasets/<str:dataset_id>/usedStorageDetails", storage.UsedStorageDetailsView.as_view()),
    path("datasets/<str:name>/isValidNewName", views.IsValidNewNameView.as_view()),
    path("datasets/<str:dataset_id>/updatePartial", views.PartialUpdateView.as_view()),
    path("datasets/<str:dataset_id>/teams", sharing.TeamsView.as_view()),
    path("datasets/<str:dataset_id>/accessList", sharing.AccessListView.as_view()),
    path("datasets/<str:dataset_id>/sharingToken", sharing.SharingTokenView.as_view()),
    path("datasets/<str:dataset_id>/health", upkeep.HealthView.as_view()),
    path(
        "datasets/<str:dataset_id>/clearThumbnailCache",
        upkeep.ClearThumbnailCacheView.as_view(),
    ),
    path(
        "datasetConfigurations/default/<str:dataset_id>",
        view_configurations.DefaultViewConfigurationView.as_view(),
    ),
    path(
        "datasetConfigurations/<str:dataset_id>",
        view_configurations.ViewConfigurationView.as_view(),
    ),
    path(
        "datasets/<str:dataset_id>/layers/<str:layer_name>/thumbnail",
        layer_thumbnail,
        name="layer-thumbnail",
    ),
    path("datasets/<str:dataset_id>", views.DatasetView.as_view()),
    path("folders/root", folders.RootFolderView.as_view()),
    path("folders/tree", folders.FolderTreeView.as_view()),
    path("folders/create", folders.NewFolderView.as_view()),
    path("folders/<str:folder_id>", folders.FolderView.as_view()),
    path("folders/<str:folder_id>/move", folders.MoveFolderView.as_view()),
    path("datastores", views.DataStoreListView.as_view()),
]
