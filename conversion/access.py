"""Who may do what with jobs: they hold no grants of their own, it follows from roles and owner."""

from sharing.access import Actor
from sharing.errors import NotAllowed, NotFound

from .models import Job


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

    Whoever sees a job may cancel and retry it.
    """
    job = Job.objects.visible_to(actor).filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job, or you can't see it.")
    return job
