"""The addresses of jobs, below /api/ and /api/v13/ to /api/v16/."""

from django.urls import include, path

from . import jobs

urlpatterns = [
    path("jobs", jobs.JobsView.as_view()),
    path("jobs/run/", include("conversion.api.run_urls")),
    path("jobs/<str:job_id>", jobs.JobView.as_view()),
    path("jobs/<str:job_id>/cancel", jobs.CancelJobView.as_view()),
    path("jobs/<str:job_id>/retry", jobs.RetryJobView.as_view()),
]
