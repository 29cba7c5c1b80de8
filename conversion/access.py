"""Who may do what with jobs and uploads: they hold no grants, it follows from roles and owner."""

from sharing.access import Actor
from sharing.errors import NotAllowed, NotFound
from sharing.models import User

from .models import Job, Upload


def may_scan(actor: Actor, organization_id: str | None) -> bool:
    """Those who may bring data in: admins, dataset managers and team managers."""
    return actor.manages_datasets_of(organization_id) or (
        actor.belongs_to(organization_id) and actor.is_team_manager
    )


def require_scan(actor: Actor, organization_id: str) -> None:
    """Raise NotFound for people outside the organization, NotAllowed for those inside."""
    if may_scan(actor, organization_id):
        return
    if not actor.belongs_to(organization_id):
        raise NotFound("There is no such organization, or you can't see it.")
    raise NotAllowed(
        "Only admins, dataset managers and team managers may scan the disk. Ask one of them."
    )


def job_for(actor: Actor, job_id: str) -> Job:
    """The job, for its owner and for admins of its organization; NotFound for everybody else.

    Whoever sees a job may cancel it, and retry it as `may_retry` says.
    """
    job = Job.objects.visible_to(actor).filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job, or you can't see it.")
    return job


def may_retry(actor: Actor, job: Job) -> bool:
    """Whether whoever sees the job may have it tried again as it is: admins as often as they like,
    others once.
    """
    return job.retried is None or actor.administers(job.organization_id)


def require_retry(actor: Actor, job: Job) -> None:
    """Raise NotAllowed where `may_retry` says no."""
    if not may_retry(actor, job):
        raise NotAllowed(
            "This job was retried once already. Ask an admin of your organization to look into it "
            "and to retry it."
        )


def upload_for(user: User, kind: Upload.Kind, upload_id: str) -> Upload:
    """The person's own upload, with its dataset, in one query; NotFound for everybody else.

    Whoever announced an upload may send and end it; each chunk asks this.
    """
    own = Upload.objects.filter(upload_id=upload_id, owner=user, kind=kind)
    upload = own.select_related("dataset").first()
    if upload is None:
        raise NotFound("There is no such upload of yours. Start a new one.")
    return upload
