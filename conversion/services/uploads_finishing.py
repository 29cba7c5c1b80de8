"""The end of an upload: asked for by a request, done by a job, awaited by both.

The job may be killed at any moment and runs again; what it has done by then it finds done. What is
wrong with the files ends the upload. What is wrong with the site (a full disk, lost workers) leaves
it to be finished again: nobody has to send anything twice.
"""

from typing import Any

from django.db import transaction

from conversion.access import upload_for
from conversion.models import Job, Upload
from conversion.runner import JobFailed, Run, register
from conversion.uploads.names import BadUpload
from datasets.services.settings_file import NotWritten
from sharing.access import actor_for
from sharing.errors import Conflict, Invalid, NotFound, ServiceError
from sharing.models import User

from . import job_mails, jobs, uploads_taking_in
from .uploads import end, is_in_use, missing, staging_of
from .waiting import ComeAgain, wait_until

State = Upload.State
Kind = Upload.Kind


def finish(*, user: User, kind: Kind, upload_id: str) -> Upload:
    """Have the upload taken in, and wait for it; a repeated call joins the same job.

    Raises Invalid with what is missing, after which it can go on, or with why it failed, and
    ComeAgain where it takes longer than a request may wait.
    """
    upload = upload_for(user, kind, upload_id)
    if upload.state == State.RESERVED:
        _begin(upload)
    if upload.state == State.FINISHING:
        wait_until(lambda: _is_over(upload))
    upload.refresh_from_db()
    match upload.state:
        case State.DONE:
            return upload
        case State.FAILED | State.CANCELLED:
            raise Invalid(upload.message)
        case State.RESERVED:
            raise ComeAgain(f"{upload.message} Nothing has to be sent again: finish it again.")
    # The public library gives up at the fifth of these, and shows it to whoever ran the script.
    raise ComeAgain(
        "All files are there and are being taken in, which goes on by itself: nothing has to be "
        "sent again. Finish the upload once more to wait on, or look into the list of datasets "
        "later."
    )


def settle(upload: Upload) -> None:
    """Bring an upload in step with its job, where that is over but did not take it in."""
    job = Job.objects.filter(uploads=upload).first()
    if job is not None and not job.is_final:
        return
    if job is not None and job.state == Job.State.CANCELLED:
        end(upload, State.CANCELLED, "The upload was cancelled.", of=State.FINISHING)
        return
    cause = job.cause if job is not None else "Its job was deleted."
    Upload.objects.filter(pk=upload.pk, state=State.FINISHING).update(
        state=State.RESERVED, message=f"The upload could not be taken in. {cause}", job=None
    )


def run_finish(run: Run) -> dict[str, Any]:
    """The job: take the upload in, or end it with the reason."""
    upload = Upload.objects.filter(pk=run.job.arguments["upload"]).first()
    if upload is None or not (upload.job_id == run.job.pk and upload.state == State.FINISHING):
        if upload is not None and upload.state == State.DONE:
            staging_of(upload).remove()
            return uploads_taking_in.result_of(upload)
        why = upload.message if upload is not None else ""
        raise JobFailed(why or "This upload has ended.", "Upload the files again.")
    try:
        uploads_taking_in.take_in(run, upload, actor_for(upload.owner))
    except NotWritten as error:
        raise JobFailed(str(error), is_temporary=True) from error
    except (BadUpload, ServiceError) as error:
        jobs.renew(run.job)  # whoever lost the job has no say any more
        upload.refresh_from_db()
        if is_in_use(upload):  # it is too late to take it back: the rest is done another time
            raise JobFailed(str(error), "Finish the upload again.") from error
        end(upload, State.FAILED, str(error), of=State.FINISHING)
        raise JobFailed(str(error), "Correct that and upload it again.") from error
    return uploads_taking_in.result_of(upload)


def after_finish(job: Job) -> None:
    """Once the job is over, however it ended."""
    for upload in Upload.objects.filter(job=job, state=State.FINISHING):
        settle(upload)
    if job_mails.took_long(job) and _ends_with(job):
        job_mails.notify(job)


def _ends_with(job: Job) -> bool:
    """Whether it was all that was asked for: a dataset that is not converted next, and not a part
    of one, of which a script sends many.
    """
    upload = Upload.objects.filter(pk=job.arguments["upload"], kind=Kind.DATASET).first()
    is_done = job.state == Job.State.SUCCESS
    return upload is not None and not (is_done and "voxelSize" in upload.parameters)


def _begin(upload: Upload) -> None:
    """Raises Invalid with what is missing."""
    if upload.dataset is None:
        raise NotFound("The dataset of this upload was deleted. Start a new upload.")
    try:
        problems = missing(upload)
    except FileNotFoundError as error:
        raise Conflict("The files of this upload are gone. Start a new one.") from error
    if problems:
        raise Invalid("The upload is not complete.", *problems)
    with transaction.atomic():
        is_first = Upload.objects.filter(pk=upload.pk, state=State.RESERVED).update(
            state=State.FINISHING, message=""
        )
        if is_first:
            job = jobs.create(
                kind=Job.Kind.FINISH_UPLOAD,
                organization=upload.organization,
                owner=upload.owner,
                dataset=upload.dataset,
                arguments={"upload": upload.pk},
            )
            Upload.objects.filter(pk=upload.pk).update(job=job)
    upload.refresh_from_db()


def _is_over(upload: Upload) -> bool:
    upload.refresh_from_db(fields=["state", "job"])
    if upload.state == State.FINISHING and (upload.job is None or upload.job.is_final):
        settle(upload)
        return True
    return upload.state != State.FINISHING


register(Job.Kind.FINISH_UPLOAD, work=run_finish, notify=after_finish)
