"""The addresses of this app's pages."""

from django.urls import path

from .views import jobs, tools

app_name = "conversion"
urlpatterns = [
    path("jobs", jobs.job_list, name="jobs"),
    path("jobs/table", jobs.job_table, name="jobs-table"),
    path("jobs/scan", jobs.scan, name="scan"),
    path("jobs/of/<slug:dataset_id>", jobs.job_of_dataset, name="job-of-dataset"),
    path("jobs/<slug:job_id>", jobs.job_page, name="job"),
    path("jobs/<slug:job_id>/details", jobs.job_details, name="job-details"),
    path("jobs/<slug:job_id>/outcome", jobs.job_outcome, name="job-outcome"),
    path("jobs/<slug:job_id>/cancel", jobs.cancel, name="cancel"),
    path("jobs/<slug:job_id>/answer", jobs.answer, name="answer"),
    path("jobs/<slug:job_id>/export", tools.export, name="export"),
    path("jobs/<slug:job_id>/retry", jobs.retry, name="retry"),
    path("datasets/<slug:dataset_id>/tools", tools.tools_page, name="tools"),
    path("datasets/<slug:dataset_id>/tools/<slug:tool>", tools.start, name="start"),
]
