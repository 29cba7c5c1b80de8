"""What people see of a job while it runs and once it is over: on pages, in the list, in mails."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversion import runner
from conversion.api.job_serializers import JobSerializer
from conversion.models import Job
from conversion.models.job import LATE
from conversion.services import jobs, jobs_watching, scans
from datasets.disk.outcome import Finding, Outcome
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from sharing.access import Actor, actor_for
from sharing.models import Organization, User
from sharing.services import mails
from tests.datasets.disk import on_disk
from tests.factories import make_dataset, make_user


@pytest.fixture
def manager(lab: Organization) -> User:
    return make_user(lab, "manager@example.org", is_dataset_manager=True)


@pytest.fixture
def browser(manager: User) -> Client:
    client = Client()
    client.force_login(manager)
    return client


def request(user: User, lab: Organization) -> Job:
    return scans.request_scan(actor=actor_for(user), organization=lab)


def scan(user: User, lab: Organization) -> Job:
    job = request(user, lab)
    runner.run(job.pk)
    mails.send_due()
    job.refresh_from_db()
    return job


def text_of(browser: Client, name: str, *args: str) -> str:
    """What a page says, without its markup."""
    content = browser.get(reverse(name, args=args)).content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", content)).split())


def outcome_of(browser: Client, job: Job) -> str:
    return text_of(browser, "conversion:job-outcome", job.pk)


class TestWhereItWasAskedFor:
    def test_the_message_on_the_list_names_the_address_that_tells_how_it_goes(
        self, browser: Client, lab: Organization
    ) -> None:
        page = browser.post(reverse("conversion:scan"), {"next": "/"}, follow=True).content.decode()
        (address,) = re.findall(r'data-outcome="([^"]+)"', page)
        assert address == reverse("conversion:job-outcome", args=[Job.objects.get().pk])
        assert browser.get(address).status_code == 200

    def test_progress_is_told_while_it_runs(
        self, browser: Client, lab: Organization, manager: User
    ) -> None:
        job = request(manager, lab)
        assert "waiting for a worker" in outcome_of(browser, job)
        held = jobs.claim(job.pk)
        assert held is not None
        jobs.progress(held, stage="scanning", percentage=40, message="4 of 10 datasets")
        content = browser.get(reverse("conversion:job-outcome", args=[job.pk])).content.decode()
        assert "scanning, 4 of 10 datasets" in content
        assert 'value="40.0"' in content
        assert "data-ended" not in content

    def test_the_end_is_told_in_counts_with_a_mark_where_there_is_trouble(
        self, browser: Client, lab: Organization, manager: User
    ) -> None:
        on_disk.write_dataset(lab, "good")
        job = scan(manager, lab)
        content = browser.get(reverse("conversion:job-outcome", args=[job.pk])).content.decode()
        assert "Looked at 1 dataset: 1 new." in content
        assert 'data-ended="success"' in content
        assert "Trouble" not in content
        on_disk.write_dataset(lab, "bad", scale=[0, 0, 0])
        job = scan(manager, lab)
        content = browser.get(reverse("conversion:job-outcome", args=[job.pk])).content.decode()
        assert "Looked at 2 datasets: 1 broken." in content
        assert 'data-ended="warning"' in content
        assert "Trouble" in content
        assert f'href="{reverse("conversion:job", args=[job.pk])}"' in content

    def test_a_failure_is_told_with_cause_and_advice(
        self, browser: Client, lab: Organization, manager: User
    ) -> None:
        job = jobs.claim(request(manager, lab).pk)
        assert job is not None
        jobs.fail(job, cause="The disk is full.", advice="Free space.")
        assert "The disk is full. Free space." in outcome_of(browser, job)

    def test_other_peoples_jobs_do_not_exist(self, browser: Client, lab: Organization) -> None:
        job = request(make_user(lab, is_dataset_manager=True), lab)
        for name in ("job-outcome", "job-details"):
            assert browser.get(reverse(f"conversion:{name}", args=[job.pk])).status_code == 404


def test_a_finished_job_does_not_say_how_far_it_once_was(
    browser: Client, lab: Organization, manager: User
) -> None:
    done, failed = (jobs.claim(request(manager, lab).pk) for _ in range(2))
    for job in (done, failed):
        assert job is not None
        jobs.progress(job, stage="scanning", percentage=30, message="3 of 10 datasets")
    jobs.succeed(done, {"summary": "Looked at 10 datasets: nothing new."})
    jobs.fail(failed, cause="The disk is full.", advice="Free space.")
    for name in ("conversion:jobs", "conversion:jobs-table"):
        page = text_of(browser, name)
        assert "3 of 10" not in page
        assert "Looked at 10 datasets: nothing new." in page


def test_jobs_that_ended_with_trouble_are_marked_in_the_list(
    browser: Client, lab: Organization, manager: User
) -> None:
    on_disk.write_dataset(lab, "good")
    scan(manager, lab)
    assert "with trouble" not in text_of(browser, "conversion:jobs")
    on_disk.write_dataset(lab, "bad", scale=[0, 0, 0])
    job = scan(manager, lab)
    assert text_of(browser, "conversion:jobs").count("with trouble") == 1
    assert "with trouble" in text_of(browser, "conversion:job", job.pk)


def test_every_kind_of_finding_is_counted() -> None:
    names = iter("abcdefghi")

    def finding() -> list[Finding]:
        return [Finding(24 * next(names), "brain")]

    outcome = Outcome(
        seen=9,
        added=finding(),
        changed=finding(),
        recovered=finding(),
        pending=finding(),
        not_imported=finding(),
        broken=[*finding(), *finding()],
        missing=finding(),
        notes=finding(),
        problems=["The directory 'x' was skipped."],
    )
    summary = scans.summary_of(outcome)
    counted = [int(number) for number in re.findall(r"\d+", summary)]
    assert counted == [9, 1, 1, 1, 1, 1, 2, 1, 1, 1]
    assert scans.summary_of(Outcome(seen=1)) == "Looked at 1 dataset: nothing new."


def test_a_dataset_of_which_several_things_are_found_is_counted_once() -> None:
    first, second, third = (Finding(24 * letter, letter) for letter in "abc")
    outcome = Outcome(
        seen=3,
        added=[first, third],
        not_imported=[second],
        notes=[first, first, first, second, second],
    )
    assert scans.summary_of(outcome) == (
        "Looked at 3 datasets: 1 new, 1 to be imported, 1 with parts that can't be used."
    )


def test_names_that_are_not_utf_8_are_shown_by_their_bytes_on_pages_and_in_mails(
    browser: Client, lab: Organization, manager: User
) -> None:
    directory = on_disk.organization_directory(lab)
    # What the system gives for bytes that are not UTF-8.
    (directory / "br\udcffain").mkdir(parents=True)
    on_disk.write_dataset(lab, "retina")
    (directory / "retina/color/1/st\udcfeack").mkdir()
    (directory / "bare/lay\udcfder/1").mkdir(parents=True)
    job = scan(manager, lab)
    assert job.state == Job.State.SUCCESS, job.cause
    (message,) = mail.outbox
    bare = Dataset.objects.get(directory_name="bare")
    shown = {
        "the job": text_of(browser, "conversion:job", job.pk),
        "the mail": message.body,
        "its HTML": html.unescape(str(message.alternatives[0][0])),
    }
    for where, text in shown.items():
        assert r"br\xffain" in text, where
    shown["the list"] = text_of(browser, "datasets:list")
    shown["the dataset"] = text_of(browser, "datasets:status", bare.pk)
    for where, text in shown.items():
        assert r"\udc" not in text, where


class TestLateWorker:
    """Its lease ends only after a minute; people should not be told "running" until then."""

    @pytest.fixture
    def running(self, lab: Organization, manager: User) -> Job:
        job = jobs.claim(request(manager, lab).pk)
        assert job is not None
        jobs.progress(
            job, stage="scanning", percentage=30, message="3 of 10 datasets", bytes_per_second=8e6
        )
        return job

    def heard_of(self, job: Job, ago: timedelta) -> None:
        Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - ago)

    def test_a_job_whose_worker_is_late_waits_for_it(self, browser: Client, running: Job) -> None:
        for ago, is_late in ((timedelta(), False), (LATE + timedelta(seconds=1), True)):
            self.heard_of(running, ago)
            for page in (
                text_of(browser, "conversion:jobs-table"),
                text_of(browser, "conversion:job", running.pk),
                outcome_of(browser, running),
            ):
                assert ("waiting for its worker" in page) is is_late
                assert ("3 of 10" in page) is not is_late
        assert "No sign of life since" in text_of(browser, "conversion:jobs-table")
        progress = JobSerializer(Job.objects.with_outcome(Actor()).get()).data["progress"]
        assert progress["bytesPerSecond"] is None
        assert "No sign of life since" in progress["message"]

    def test_the_datasets_row_tells_it_until_the_worker_comes_back(
        self, lab: Organization, running: Job
    ) -> None:
        dataset = make_dataset(lab)
        Job.objects.update(dataset=dataset)
        running.refresh_from_db()
        self.heard_of(running, LATE * 2)
        jobs_watching.look_after([])
        dataset.refresh_from_db()
        assert "No sign of life since" in dataset.job_message
        running.refresh_from_db()
        jobs.renew(running)
        dataset.refresh_from_db()
        assert dataset.job_message == "3 of 10 datasets"

    def test_the_datasets_row_stays_as_the_job_left_it_that_ended_just_then(
        self, lab: Organization, running: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dataset = make_dataset(lab)
        Job.objects.update(dataset=dataset)
        running.refresh_from_db()
        self.heard_of(running, LATE * 2)
        locked = jobs.locked

        def ended_before(job: Job) -> Any:
            monkeypatch.setattr(jobs, "locked", locked)
            jobs.succeed(running, {})
            return locked(job)

        monkeypatch.setattr(jobs, "locked", ended_before)
        jobs_watching.look_after([])
        dataset.refresh_from_db()
        assert (dataset.job_stage, dataset.job_message) == ("", "")

    def test_a_worker_that_comes_back_in_time_goes_on(self, browser: Client, running: Job) -> None:
        self.heard_of(running, LATE * 2)
        jobs.renew(running)
        assert "waiting for its worker" not in text_of(browser, "conversion:jobs-table")

    def test_what_is_over_waits_for_nobody(self, browser: Client, running: Job) -> None:
        self.heard_of(running, LATE * 2)
        jobs.succeed(running, {})
        assert "waiting for its worker" not in text_of(browser, "conversion:jobs-table")

    def test_it_is_known_between_two_heartbeats_and_the_end_of_the_lease(self) -> None:
        assert runner.HEARTBEAT_SECONDS < LATE.total_seconds() < jobs.LEASE.total_seconds()


class TestSubjects:
    def broken(self, lab: Organization, *names: str) -> None:
        for name in names:
            on_disk.write_dataset(lab, name, scale=[0, 0, 0])

    def worn_out(self, lab: Organization, *names: str) -> None:
        for name in names:
            on_disk.write_dataset(lab, name)
        scan_organization(lab)
        for name in names:
            directory = on_disk.organization_directory(lab) / name
            on_disk.write_properties(directory, scale=[0, 0, 0])

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("a", "", "1 dataset can't be used any more"),
            ("abc", "", "3 datasets can't be used any more"),
            ("", "d", "1 new dataset can't be used"),
            ("ab", "cd", "2 datasets can't be used any more, 2 new datasets can't be used"),
        ],
    )
    def test_a_digest_says_how_many_and_whose(
        self, lab: Organization, old: str, new: str, words: str
    ) -> None:
        lab.name = "Lab of <Ramón> & co"
        lab.save()
        make_user(lab, "admin@example.org", is_admin=True)
        self.worn_out(lab, *old)
        self.broken(lab, *new)
        (job,) = scans.scan_all()
        runner.run(job.pk)
        mails.send_due()
        (message,) = mail.outbox
        assert message.to == ["admin@example.org"]
        assert message.subject == f"{words} \u2013 Lab of <Ramón> & co"

    def test_who_asked_for_the_scan_gets_the_same_subject(
        self, lab: Organization, manager: User
    ) -> None:
        self.broken(lab, "a", "b")
        scan(manager, lab)
        (message,) = mail.outbox
        assert message.subject == f"2 new datasets can't be used \u2013 {lab}"
