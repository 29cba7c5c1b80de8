"""What the owner of a job is mailed once it is over, as it comes out of a real mail server."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from conversion import runner, tasks
from conversion.models import Job, Upload
from conversion.runner import Handler, JobFailed, Run
from conversion.services import job_mails, jobs, uploads_finishing
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from sharing.models import Organization, User, WaitingMail
from sharing.services.mails import send_due
from sharing.services.people import choose_mails
from tests.conversion.work import raising
from tests.datasets.disk import on_disk
from tests.factories import make_team, make_user
from tests.mailbox import Mailbox, mail_server

NAME = "Brain <7> & co"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with mail_server(settings) as box:
        yield box


@pytest.fixture
def owner(lab: Organization) -> User:
    return make_user(lab, "owner@example.org", first_name="Olga", is_dataset_manager=True)


@pytest.fixture
def dataset(lab: Organization) -> Dataset:
    on_disk.write_dataset(lab, "brain")
    scan_organization(lab)
    Dataset.objects.update(name=NAME)
    return Dataset.objects.get()


Done = Callable[..., Job]


@pytest.fixture
def done(
    lab: Organization,
    owner: User,
    dataset: Dataset,
    handlers: dict[str, Handler],
    django_capture_on_commit_callbacks: Any,
) -> Done:
    """Does a job of the owner's about the dataset: it ends with `error`, or with the result."""

    def do(
        error: Exception | None = None,
        kind: Job.Kind = Job.Kind.CONVERT,
        arguments: dict[str, Any] | None = None,
        **result: str,
    ) -> Job:
        def work(run: Run) -> dict[str, Any]:
            return {"summary": "1 layer, 512 slices.", **result}

        handlers[kind] = Handler(raising(error) if error else work, job_mails.notify)
        with django_capture_on_commit_callbacks(execute=True):
            job = jobs.create(
                kind=kind, organization=lab, owner=owner, dataset=dataset, arguments=arguments
            )
            runner.run(job.pk)
        job.refresh_from_db()
        return job

    return do


def parts_of(message: EmailMessage) -> tuple[str, str]:
    """Text and HTML of a mail."""
    text, html = message.get_body(["plain"]), message.get_body(["html"])
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


def test_a_conversion_that_succeeded_is_mailed_with_link_and_picture(
    done: Done, dataset: Dataset, mailbox: Mailbox, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://data.example"
    job = done()
    (message,) = mailbox.messages
    assert message["To"] == "owner@example.org"
    assert message["Subject"] == f"{NAME} is converted"
    text, html = parts_of(message)
    assert "Hello Olga," in text
    assert "Brain <7> & co is converted and ready to be viewed. 1 layer, 512 slices." in text
    assert "Brain &lt;7&gt; &amp; co" in html
    assert "<7>" not in html
    for address in (
        f"https://data.example{reverse('datasets:view', args=[dataset])}",
        f"https://data.example/jobs/{job.pk}",
        "https://data.example/account",
    ):
        assert address in text
        assert f'href="{address}"' in html
    (picture,) = [part for part in message.walk() if part.get_content_maintype() == "image"]
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html
    assert Image.open(io.BytesIO(picture.get_content())).size == (400, 400)


def test_links_in_the_mail_lead_where_they_say(
    done: Done, owner: User, mailbox: Mailbox, settings: Any
) -> None:
    settings.PUBLIC_URL = "http://testserver"
    done()
    text, _ = parts_of(mailbox.messages[0])
    browser = Client()
    browser.force_login(owner, "django.contrib.auth.backends.ModelBackend")
    addresses = re.findall(r"http://testserver(\S+)", text)
    assert len(addresses) == 3
    for address in addresses:
        assert browser.get(address).status_code == 200


def test_a_conversion_that_failed_is_mailed_with_cause_advice_and_link(
    done: Done, mailbox: Mailbox
) -> None:
    job = done(JobFailed("Slice 'a<b>.tif' is cut short.", "Send it again."))
    (message,) = mailbox.messages
    assert message["Subject"] == f"{NAME} could not be converted"
    text, html = parts_of(message)
    assert "Why: Slice 'a<b>.tif' is cut short." in text
    assert "What to do: Send it again." in text
    assert "mend it and upload the data again" in text
    assert "a&lt;b&gt;.tif" in html
    for part in (text, html):
        assert f"/jobs/{job.pk}" in part
        assert "/view" not in part
    assert not [part for part in message.walk() if part.get_content_maintype() == "image"]


def test_a_question_is_mailed_as_one(done: Done, mailbox: Mailbox) -> None:
    done(JobFailed("No voxel size.", "Give it.", asks={"voxelSize": True}))
    (message,) = mailbox.messages
    assert message["Subject"] == f"{NAME} waits for your answer"
    for part in parts_of(message):
        assert "waits for your answer" in part
        assert "could not" not in part
        assert "broken" not in part


def test_of_a_path_on_disk_it_is_not_said_that_it_was_uploaded(
    done: Done, mailbox: Mailbox
) -> None:
    done(JobFailed("It broke."), arguments={"source": "/data/raw"})
    for part in parts_of(mailbox.messages[0]):
        assert "uploaded" not in part


def test_other_work_says_what_it_was(done: Done, mailbox: Mailbox) -> None:
    done(kind=Job.Kind.FINISH_UPLOAD)
    done(JobFailed("The disk is full."), kind=Job.Kind.FINISH_UPLOAD)
    assert [message["Subject"] for message in mailbox.messages] == [
        f"Finish upload of {NAME} is done",
        f"Finish upload of {NAME} failed",
    ]
    assert "What to do" not in parts_of(mailbox.messages[1])[0]


def test_of_a_search_for_segment_ids_nothing_is_mailed_however_long_it_took(
    lab: Organization, owner: User, dataset: Dataset
) -> None:
    now = timezone.now()
    job = Job.objects.create(
        kind=Job.Kind.FIND_LARGEST_SEGMENT_ID,
        state=Job.State.SUCCESS,
        organization=lab,
        owner=owner,
        dataset=dataset,
        started=now - timedelta(hours=1),
        ended=now,
    )
    runner.notify(job)
    assert not WaitingMail.objects.exists()


def test_what_was_made_to_be_downloaded_has_a_link(
    done: Done, mailbox: Mailbox, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://data.example"
    done(kind=Job.Kind.EXPORT_TIFF, download="/jobs/1/export")
    text, html = parts_of(mailbox.messages[0])
    assert "Download it: https://data.example/jobs/1/export" in text
    assert 'href="https://data.example/jobs/1/export"' in html


def test_each_end_is_mailed_once(
    done: Done, actor: Any, handlers: dict[str, Handler], mailbox: Mailbox
) -> None:
    job = done(JobFailed("The disk is full."))
    runner.notify(job)
    tasks.look_after_jobs()
    send_due()
    assert len(mailbox.messages) == 1
    jobs.retry(actor=actor, job_id=job.pk)
    runner.run(job.pk)
    send_due()
    assert len(mailbox.messages) == 2


def test_who_is_to_be_told_is_told_though_the_worker_was_killed_at_the_end(
    done: Done, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(runner, "notify", lambda job: None)
        job = done()
    tasks.look_after_jobs()
    send_due()
    assert mailbox.messages == []  # its worker may be about to
    Job.objects.filter(pk=job.pk).update(ended=timezone.now() - timedelta(minutes=3))
    tasks.look_after_jobs()
    tasks.look_after_jobs()
    send_due()
    assert len(mailbox.messages) == 1


def test_no_mail_is_lost_where_the_worker_is_killed_while_it_draws(
    done: Done, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed, pytest.raises(SystemExit):
        killed.setattr(job_mails, "_picture_of", raising(SystemExit()))
        done()
    Job.objects.update(ended=timezone.now() - timedelta(minutes=3))
    tasks.look_after_jobs()
    send_due()
    assert len(mailbox.messages) == 1


def test_a_server_that_refuses_first_gets_it_again(
    done: Done, owner: User, mailbox: Mailbox
) -> None:
    mailbox.refused[owner.email] = "451 come again"
    job = done()
    assert job.state == Job.State.SUCCESS
    assert mailbox.messages == []
    mailbox.refused.clear()
    WaitingMail.objects.update(due=timezone.now())
    send_due()
    assert len(mailbox.messages) == 1


def test_nobody_is_mailed_who_does_not_want_it_or_has_left_or_cancelled(
    done: Done, owner: User, mailbox: Mailbox
) -> None:
    choose_mails(user=owner, is_mailed_when_done=False)
    done()
    choose_mails(user=owner, is_mailed_when_done=True)
    owner.is_active = False
    owner.save()
    done()
    owner.is_active = True
    owner.save()
    done(jobs.Cancelled())
    assert mailbox.messages == []
    assert not WaitingMail.objects.exists()


def test_who_lost_the_right_to_see_the_dataset_learns_nothing_of_it(
    done: Done, owner: User, mailbox: Mailbox
) -> None:
    owner.is_dataset_manager = False
    owner.save()
    done()
    (message,) = mailbox.messages
    assert message["Subject"] == "Your dataset is converted"
    assert "Brain" not in message.as_string()
    assert len(list(message.walk())) == 3  # the alternative of text and HTML


def test_without_a_picture_the_mail_goes_without(
    done: Done, dataset: Dataset, lab: Organization, mailbox: Mailbox
) -> None:
    on_disk.remove(on_disk.organization_directory(lab) / "brain" / "color")
    done()
    (message,) = mailbox.messages
    _, html = parts_of(message)
    assert "<img" not in html
    assert reverse("datasets:view", args=[dataset]) in html


class TestUploads:
    """Whoever uploads waits before the screen, unless it takes long."""

    @pytest.fixture(autouse=True)
    def member_team(self, lab: Organization, owner: User) -> None:
        make_team(lab, members=(owner,))

    def ended(
        self,
        owner: User,
        dataset: Dataset,
        *,
        seconds: int,
        kind: Upload.Kind = Upload.Kind.DATASET,
        **parameters: Any,
    ) -> None:
        upload = Upload.objects.create(
            upload_id=f"upload {Upload.objects.count()}",
            kind=kind,
            state=Upload.State.DONE,
            organization=dataset.organization,
            owner=owner,
            dataset=dataset,
            announced_files=1,
            announced_bytes=1,
            parameters=parameters,
        )
        now = timezone.now()
        job = Job.objects.create(
            kind=Job.Kind.FINISH_UPLOAD,
            state=Job.State.SUCCESS,
            organization=dataset.organization,
            owner=owner,
            dataset=dataset,
            arguments={"upload": upload.pk},
            started=now - timedelta(seconds=seconds),
            ended=now,
        )
        uploads_finishing.after_finish(job)

    def test_only_a_dataset_that_took_long_and_is_not_converted_next_is_mailed(
        self, owner: User, dataset: Dataset
    ) -> None:
        self.ended(owner, dataset, seconds=5)
        self.ended(owner, dataset, seconds=300, kind=Upload.Kind.MAG)
        self.ended(owner, dataset, seconds=300, voxelSize={"factor": [4, 4, 40]})
        assert not WaitingMail.objects.exists()
        self.ended(owner, dataset, seconds=300)
        assert WaitingMail.objects.get().subject == f"Finish upload of {NAME} is done"
