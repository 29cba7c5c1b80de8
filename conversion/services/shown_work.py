"""What a dataset's row shows of the work on it; these columns are written here alone."""

from typing import Any

from conversion.models import Job
from datasets.models import Dataset

State = Job.State
Status = Dataset.Status

ASKING = "waits for an answer"
"""The stage of a conversion that failed for want of what only a person can say."""

# A dataset that is still to be converted stands as its conversion does.
_UNCONVERTED_WHILE = {
    State.PENDING: Status.NOT_CONVERTED,
    State.FAILURE: Status.CONVERSION_FAILED,
    State.CANCELLED: Status.CONVERSION_CANCELLED,
}


def show(job: Job) -> None:
    """Let the row of the job's dataset, if it has one, tell how the job stands."""
    if job.dataset_id is None:
        return
    Dataset.objects.filter(pk=job.dataset_id).update(**_columns(job))
    status = _UNCONVERTED_WHILE.get(State(job.state))
    if job.kind == Job.Kind.CONVERT and status is not None:
        unconverted = Dataset.objects.filter(pk=job.dataset_id, status__in=Dataset.UNCONVERTED)
        unconverted.update(status=status)


def _columns(job: Job) -> dict[str, Any]:
    stage, percentage, message = "", None, ""
    match job.state:
        case State.STARTED:
            stage, percentage, message = job.stage, job.percentage, job.news
        case State.PENDING if job.message:
            stage, message = "waiting", f"{job.message} It is tried again."
        case State.FAILURE if job.kind == Job.Kind.CONVERT:
            message = f"{job.cause} {job.advice}".strip()
            stage = ASKING if job.result.get("asks") else ""
    return {"job_stage": stage, "job_percentage": percentage, "job_message": message[:512]}
