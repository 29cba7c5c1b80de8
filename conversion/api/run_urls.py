"""The addresses at which work on a dataset is asked for, below those of jobs."""

from django.urls import path

from . import runs

urlpatterns = [
    path("exportTiff/<str:dataset_id>", runs.RunExportTiffView.as_view()),
    path("findLargestSegmentId/<str:dataset_id>", runs.RunFindLargestSegmentIdView.as_view()),
    path("computeMissingMags/<str:dataset_id>", runs.RunComputeMissingMagsView.as_view()),
    path("changeFormat/<str:dataset_id>", runs.RunChangeFormatView.as_view()),
    path("measureStorage/<str:dataset_id>", runs.RunMeasureStorageView.as_view()),
]
