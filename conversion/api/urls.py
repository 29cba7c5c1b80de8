"""The addresses of uploads and triggers, below /data/ and /data/v13/ to /data/v16/."""

from django.urls import path, re_path

from . import runs, triggers, uploads

_DOMAIN = "(?P<domain>dataset|mag|attachment)"

urlpatterns = [
    path("datasets/upload/dataset/unfinishedUploads", uploads.UnfinishedView.as_view()),
    re_path(rf"^datasets/upload/{_DOMAIN}/reserveUpload$", uploads.ReserveView.as_view()),
    re_path(rf"^datasets/upload/{_DOMAIN}/finishUpload$", uploads.FinishView.as_view()),
    re_path(rf"^datasets/upload/{_DOMAIN}/cancelUpload$", uploads.CancelView.as_view()),
    re_path(rf"^datasets/upload/{_DOMAIN}$", uploads.ChunkView.as_view()),
    path("exports/<str:job_id>/download", runs.DownloadExportView.as_view()),
    path("triggers/reload/<str:organization_id>/<str:dataset_id>", triggers.ReloadView.as_view()),
    path("triggers/checkInboxBlocking", triggers.CheckInboxView.as_view()),
    # As version 13 had them; it sent chunks without saying a version.
    path("datasets/reserveUpload", uploads.ReserveV13View.as_view()),
    path("datasets/finishUpload", uploads.FinishV13View.as_view()),
    path("datasets", uploads.ChunkV13View.as_view()),
]
