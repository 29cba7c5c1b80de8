"""The addresses of this app's pages."""

from django.urls import path

from .views import jobs

app_name = "conversion"
urlpatterns = [
    path("jobs", jobs.job_list, name="jobs"),
    path("jobs/table", jobs.job_table, name="jobs-table"),
    path("jobs/scan", jobs.scan, name="scan"),
    path("jobs/<slug:job_id>", jobs.job_page, name="job"),
    path("jobs/<slug:job_id>/cancel", jobs.cancel, name="cancel"),
    path("jobs/<slug:job_id>/retry", jobs.retry, name="retry"),
]
