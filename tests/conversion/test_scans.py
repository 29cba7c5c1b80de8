"""Scans as jobs: who may ask, what runs, who is mailed, and what the pages show."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversion import runner, tasks
from conversion.models import Job
from conversion.services import jobs, scans
from datasets.models import Dataset
from sharing.access import actor_for
from sharing.errors import NotAllowed, NotFound
from sharing.models import Organization, User
from sharing.services import mails
from sharing.services.people import choose_mails
from tests.datasets.disk import on_disk
from tests.factories import make_organization, make_team, make_user


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, "admin@example.org", is_admin=True)


@pytest.fixture
def manager(lab: Organization) -> User:
    return make_user(lab, "manager@example.org", is_dataset_manager=True)


def request(user: User, lab: Organization) -> Job:
    return scans.request_scan(actor=actor_for(user), organization=lab)


def scan(user: User, lab: Organization) -> Job:
    job = request(user, lab)
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCESS
    return job


def recipients() -> list[str]:
    mails.send_due()
    return sorted(message.to[0] for message in mail.outbox)


def test_those_who_may_bring_data_in_may_scan(
    lab: Organization, admin: User, manager: User
) -> None:
    team_manager = make_user(lab)
    make_team(lab, managers=(team_manager,))
    for user in (admin, manager, team_manager):
        request(user, lab)
    with pytest.raises(NotAllowed):
        request(make_user(lab), lab)
    with pytest.raises(NotFound):
        request(make_user(make_organization(), is_admin=True), lab)


def test_a_waiting_scan_is_joined_and_a_running_one_is_not(
    lab: Organization, admin: User, manager: User
) -> None:
    first = request(admin, lab)
    assert request(manager, lab) == first
    jobs.claim(first.pk)
    second = request(manager, lab)
    assert second != first
    assert second.owner == manager


def test_who_joins_a_scan_that_recurs_by_itself_is_told_of_it(
    lab: Organization, manager: User
) -> None:
    (recurring,) = scans.scan_all()
    assert request(manager, lab) == recurring
    recurring.refresh_from_db()
    assert recurring.owner == manager


def test_the_job_counts_and_lists_what_was_found_and_its_log_tells_it(
    lab: Organization, admin: User
) -> None:
    on_disk.write_dataset(lab, "good")
    on_disk.write_dataset(lab, "bad", scale=[0, 0, 0])
    job = scan(admin, lab)
    assert job.result["seen"] == 2
    assert [finding["name"] for finding in job.result["added"]] == ["good"]
    assert [finding["name"] for finding in job.result["broken"]] == ["bad"]
    lines = {line.text.split(".")[0]: line.is_problem for line in job.log_lines.all()}
    assert lines["New: good"] is False
    assert lines["Broken: bad"] is True


def test_nobody_is_mailed_of_a_quick_scan_without_trouble(
    lab: Organization, admin: User, manager: User
) -> None:
    on_disk.write_dataset(lab, "good")
    scan(manager, lab)
    assert recipients() == []


def test_who_asked_is_mailed_when_it_took_long(
    lab: Organization, admin: User, manager: User
) -> None:
    on_disk.write_dataset(lab, "good")
    job = request(manager, lab)
    Job.objects.update(started=timezone.now() - timedelta(seconds=40))
    runner.run(job.pk)
    assert recipients() == ["manager@example.org"]
    assert "looked at 1 dataset." in mail.outbox[0].body


def test_who_asked_and_the_admins_get_one_mail_each_about_what_newly_broke(
    lab: Organization, admin: User, manager: User
) -> None:
    make_user(lab, "gone@example.org", is_admin=True, is_active=False)
    make_user(make_organization(), "foreign@example.org", is_admin=True)
    directory = on_disk.write_dataset(lab, "brain <b>")
    on_disk.write_dataset(lab, "other")
    scan(manager, lab)
    (directory / "datasource-properties.json").write_text("{")
    on_disk.remove(directory.with_name("other"))
    scan(manager, lab)
    assert recipients() == ["admin@example.org", "manager@example.org"]
    for message in mail.outbox:
        (html, kind) = message.alternatives[0]
        assert kind == "text/html"
        assert "brain &lt;b&gt;" in html
        assert "brain <b>: Error: Invalid json format" in message.body
        assert "- other" in message.body
        assert f"/datasets/{Dataset.objects.get(name='other').pk}" in message.body
    mail.outbox.clear()
    scan(admin, lab)  # the same faults again
    assert recipients() == []


def test_who_asked_for_a_scan_that_failed_is_mailed_the_cause(
    lab: Organization, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(scans, "scan_organization", crash)
    job = request(manager, lab)
    runner.run(job.pk)
    assert recipients() == ["manager@example.org"]
    assert "Something unexpected went wrong." in mail.outbox[0].body


def test_who_asked_may_want_no_mails_about_it(lab: Organization, manager: User) -> None:
    choose_mails(user=manager, is_mailed_when_done=False)
    on_disk.write_dataset(lab, "bad", scale=[0, 0, 0])
    scan(manager, lab)
    assert recipients() == []


def test_a_directory_that_can_not_be_listed_is_trouble(lab: Organization, manager: User) -> None:
    on_disk.write_dataset(lab, "brain")
    scan(manager, lab)
    on_disk.organization_directory(lab).rename(
        on_disk.organization_directory(lab).with_name("unmounted")
    )
    scan(manager, lab)
    assert recipients() == ["manager@example.org"]
    assert "can't be listed" in mail.outbox[0].body
    assert Dataset.objects.get().status == ""


def test_every_organization_is_scanned_periodically_and_quiet_scans_leave_nothing_behind(
    lab: Organization,
) -> None:
    other = make_organization()
    on_disk.write_dataset(other, "brain")
    for _ in range(3):
        tasks.scan_periodically()
        for job in Job.objects.filter(state=Job.State.PENDING):
            tasks.run_job(job.pk)
    assert Dataset.objects.get().organization == other
    kept = Job.objects.filter(result__is_eventful=True)
    assert [job.organization for job in kept] == [other]
    assert Job.objects.count() == 3  # that one, and the quiet ones of the last round


def test_a_recurring_scan_does_not_pile_up_behind_a_slow_one(lab: Organization) -> None:
    (job,) = scans.scan_all()
    jobs.claim(job.pk)
    assert scans.scan_all() == []


class TestPages:
    @pytest.fixture
    def browser(self, manager: User) -> Client:
        client = Client()
        client.force_login(manager)
        return client

    def test_the_button_starts_a_scan_and_leads_to_its_job(
        self, browser: Client, lab: Organization
    ) -> None:
        answer = browser.post(reverse("conversion:scan"), {"next": "/datasets?q=x"})
        assert answer["Location"] == "/datasets?q=x"
        job = Job.objects.get()
        assert job.organization == lab
        page = browser.get(reverse("conversion:jobs")).content.decode()
        assert f'<a href="/jobs/{job.pk}">See how far it is</a>' in page

    def test_who_asks_again_is_led_to_the_scan_that_is_under_way(
        self, browser: Client, lab: Organization
    ) -> None:
        def told() -> str:
            return browser.post(reverse("conversion:scan"), follow=True).content.decode()

        assert "already" not in told()
        first = Job.objects.get()
        assert "A scan already waited for its turn" in told()
        assert Job.objects.get() == first
        jobs.claim(first.pk)
        for _ in range(2):
            page = told()
            assert "already being scanned when you asked. Another scan follows" in page
            assert f'data-outcome="/jobs/{first.pk}/outcome"' in page
            assert f'<a href="/jobs/{first.pk}">See how far it is</a>' in page
        assert Job.objects.count() == 2

    def test_a_member_is_told_who_may_scan(self, lab: Organization) -> None:
        client = Client()
        client.force_login(make_user(lab))
        client.post(reverse("conversion:scan"))
        assert not Job.objects.exists()
        assert "Ask one of them" in client.get(reverse("conversion:jobs")).content.decode()

    def test_lists_show_own_jobs_and_to_admins_everybodys(
        self, browser: Client, lab: Organization, admin: User, manager: User
    ) -> None:
        own, others = request(manager, lab), make_user(lab, is_dataset_manager=True)
        jobs.claim(own.pk)
        foreign = request(others, lab)
        for address in ("conversion:jobs", "conversion:jobs-table"):
            page = browser.get(reverse(address)).content.decode()
            assert own.pk in page
            assert foreign.pk not in page
            assert "Owner" not in page
        client = Client()
        client.force_login(admin)
        page = client.get(reverse("conversion:jobs")).content.decode()
        assert own.pk in page
        assert foreign.pk in page
        assert "manager@example.org" in page

    def test_the_list_takes_few_queries_however_long(
        self, browser: Client, lab: Organization, manager: User, django_assert_max_num_queries: Any
    ) -> None:
        Job.objects.bulk_create(
            Job(kind=Job.Kind.SCAN, state="SUCCESS", organization=lab, owner=manager)
            for _ in range(30)
        )
        with django_assert_max_num_queries(6):
            browser.get(reverse("conversion:jobs-table"))

    def test_the_jobs_page_tells_state_cause_and_log(
        self, browser: Client, lab: Organization, manager: User
    ) -> None:
        job = jobs.claim(request(manager, lab).pk)
        assert job is not None
        jobs.progress(job, stage="scanning", percentage=40, message="4 of 10")
        jobs.log(job, "Broken: <b>brain</b>", is_problem=True)
        address = reverse("conversion:job", args=[job.pk])
        page = browser.get(address).content.decode()
        assert "scanning" in page
        assert "4 of 10" in page
        assert "Broken: &lt;b&gt;brain" in page
        assert "Cancel" in page
        jobs.fail(job, cause="The disk is full.", advice="Free space.")
        page = browser.get(address).content.decode()
        assert "The disk is full. Free space." in page
        assert "Retry" in page

    def test_cancel_and_retry_are_buttons_and_strangers_jobs_do_not_exist(
        self, browser: Client, lab: Organization, manager: User, admin: User
    ) -> None:
        job = request(manager, lab)
        assert browser.get(reverse("conversion:cancel", args=[job.pk])).status_code == 405
        browser.post(reverse("conversion:cancel", args=[job.pk]))
        job.refresh_from_db()
        assert job.state == Job.State.CANCELLED
        browser.post(reverse("conversion:retry", args=[job.pk]))
        job.refresh_from_db()
        assert job.state == Job.State.PENDING
        foreign = jobs.create(kind=Job.Kind.SCAN, organization=make_organization())
        for name in ("job", "cancel", "retry"):
            address = reverse(f"conversion:{name}", args=[foreign.pk])
            send = browser.get if name == "job" else browser.post
            assert send(address).status_code == 404

    def test_without_an_account_there_is_only_the_sign_in_page(self, db: None) -> None:
        for name in ("jobs", "jobs-table"):
            answer = Client().get(reverse(f"conversion:{name}"))
            assert answer["Location"].startswith(reverse("sharing:sign-in"))


def test_the_result_is_plain_json(lab: Organization, admin: User) -> None:
    on_disk.write_dataset(lab, "brain")
    assert json.dumps(scan(admin, lab).result)
