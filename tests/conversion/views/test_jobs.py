"""The pages of jobs and the row of a dataset that is being converted."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from conversion.models import Job
from conversion.services import jobs
from datasets.models import Dataset, DatasetTeam
from sharing.models import Organization, User
from tests.factories import make_dataset, make_team, make_user


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def content(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def words(client: Client, address: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", content(client, address)).split())


def actions(client: Client, job: Job) -> list[str]:
    """The buttons and links at the job on its own page."""
    page = content(client, reverse("conversion:job-details", args=[job.pk]))
    (found,) = re.findall(r'<div class="page-actions">(.*?)</div>', page, re.DOTALL)
    return re.findall(r">\s*(Cancel|Retry|View|Download)\s*<", found)


@pytest.fixture
def dataset(lab: Organization, owner: User) -> Dataset:
    dataset = make_dataset(
        lab,
        name="brain",
        status=Dataset.Status.NOT_CONVERTED,
        uploader=owner,
        creation_type=Dataset.CreationType.UPLOAD,
    )
    DatasetTeam.objects.create(dataset=dataset, team=make_team(lab, members=(owner,)))
    return dataset


@pytest.fixture
def job(lab: Organization, owner: User, dataset: Dataset) -> Job:
    return jobs.create(kind=Job.Kind.CONVERT, organization=lab, owner=owner, dataset=dataset)


@pytest.fixture
def admin(lab: Organization) -> Client:
    return browser(make_user(lab, is_admin=True))


def claimed(job: Job) -> Job:
    held = jobs.claim(job.pk)
    assert held is not None
    return held


def test_each_state_offers_what_can_be_done(job: Job, owner: User, dataset: Dataset) -> None:
    client = browser(owner)
    assert actions(client, job) == ["Cancel"]
    held = claimed(job)
    assert actions(client, job) == ["Cancel"]
    jobs.fail(held, cause="It broke.", advice="Mend it.")
    assert actions(client, job) == ["Retry"]
    Job.objects.update(state=Job.State.PENDING)
    Dataset.objects.update(status="")
    jobs.succeed(claimed(job), {})
    assert actions(client, job) == ["View"]
    Job.objects.update(result={"download": "/files/x.tif"})
    assert actions(client, job) == ["Download"]


def test_who_may_not_view_the_dataset_any_more_learns_nothing_of_it(
    job: Job, owner: User, dataset: Dataset
) -> None:
    Dataset.objects.update(status="")
    jobs.succeed(claimed(job), {})
    client = browser(owner)
    addresses = [
        reverse("conversion:jobs-table"),
        reverse("conversion:job-details", args=[job.pk]),
    ]
    assert all(dataset.pk in content(client, address) for address in addresses)
    owner.memberships.all().delete()
    for address in addresses:
        assert dataset.pk not in content(client, address)
        assert dataset.name not in words(client, address)
    assert actions(client, job) == []


def test_only_of_an_upload_it_is_said_that_it_is_kept(job: Job, owner: User) -> None:
    address = reverse("conversion:job", args=[job.pk])
    assert "What was uploaded" in content(browser(owner), address)
    Job.objects.update(arguments={"source": "/data/raw"})
    assert "What was uploaded" not in content(browser(owner), address)


def test_a_second_retry_is_offered_to_admins_alone(job: Job, owner: User, admin: Client) -> None:
    jobs.fail(claimed(job), cause="It broke.", advice="")
    client = browser(owner)
    client.post(reverse("conversion:retry", args=[job.pk]))
    jobs.fail(claimed(job), cause="It broke.", advice="")
    assert actions(client, job) == []
    assert actions(admin, job) == ["Retry"]


def test_the_list_names_the_owner_to_admins_alone(job: Job, owner: User, admin: Client) -> None:
    address = reverse("conversion:jobs-table")
    assert owner.email not in content(browser(owner), address)
    assert owner.email in content(admin, address)
    other = browser(make_user(owner.organization))  # type: ignore[arg-type]  # it has one
    assert job.pk[:8] not in content(other, address)


def test_a_state_has_an_icon_with_a_tooltip(job: Job, owner: User) -> None:
    page = content(browser(owner), reverse("conversion:jobs-table"))
    badge = re.search(r'<span class="badge" title="It waits for a worker.">(.*?)</span>', page)
    assert badge is not None
    assert "<svg" in badge[1]
    assert "waiting" in badge[1]


def test_a_failure_says_what_a_retry_reads_and_stands_in_the_log(
    job: Job, owner: User, dataset: Dataset
) -> None:
    jobs.fail(claimed(job), cause="'a.tif' is cut off.", advice="Copy it again.")
    client = browser(owner)
    address = reverse("conversion:job", args=[job.pk])
    again = "mend it and upload the data again"
    of_dataset = reverse("datasets:status", args=[dataset])
    state, _, log = words(client, address).partition(" Log ")
    assert again in state
    assert log.endswith("Problem: 'a.tif' is cut off. Copy it again.")
    page = content(client, of_dataset)
    assert again in page
    assert reverse("conversion:job-of-dataset", args=[dataset.pk]) in page
    Job.objects.update(arguments={"source": "/data/raw"})
    Dataset.objects.update(creation_type=Dataset.CreationType.DISK_SCAN)
    for shown in (words(client, address), words(client, of_dataset)):
        assert "as they are by then" in shown
        assert again not in shown


class TestRowOfTheDataset:
    """The list shows how a conversion stands, in the dataset's own row."""

    ADDRESS = "/datasets/table"

    def test_it_waits_runs_and_fails_in_place(self, job: Job, admin: Client) -> None:
        assert "Waiting to be converted." in words(admin, self.ADDRESS)
        assert "data-waits" in content(admin, self.ADDRESS)  # so that the page looks more often
        held = claimed(job)
        jobs.progress(held, stage="converting", percentage=42, message="180 MB/s")
        said = words(admin, self.ADDRESS)
        assert "converting · 42 %" in said
        assert "180 MB/s" in said
        jobs.put_back(held, cause="The disk is full.", advice="Free space.")
        assert "The disk is full. It is tried again." in words(admin, self.ADDRESS)
        Job.objects.update(not_before=job.created)
        jobs.fail(claimed(job), cause="'a.tif' is empty.", advice="Upload it again.")
        said = words(admin, self.ADDRESS)
        assert "The conversion failed. 'a.tif' is empty. Upload it again." in said
        link = reverse("conversion:job-of-dataset", args=[job.dataset_id])
        assert link in content(admin, self.ADDRESS)
        assert admin.get(link).headers["location"] == reverse("conversion:job", args=[job.pk])

    def test_it_becomes_the_dataset(self, job: Job, admin: Client) -> None:
        held = claimed(job)
        jobs.progress(held, stage="converting", percentage=99, message="")
        Dataset.objects.update(status="")
        jobs.succeed(held, {})
        assert "Ready" in words(admin, self.ADDRESS)

    def test_a_cancelled_conversion_says_what_became_of_the_files(
        self, job: Job, admin: Client, dataset: Dataset
    ) -> None:
        jobs.stop(job)
        assert "The conversion was cancelled." in words(admin, self.ADDRESS)
        assert "is kept until" in words(admin, reverse("datasets:status", args=[dataset]))
        job.refresh_from_db()
        admin.post(reverse("conversion:retry", args=[job.pk]))
        assert "Waiting to be converted." in words(admin, self.ADDRESS)

    def test_who_may_not_see_the_job_is_led_nowhere(
        self, job: Job, lab: Organization, dataset: Dataset
    ) -> None:
        client = browser(make_user(lab, is_dataset_manager=True))
        link = reverse("conversion:job-of-dataset", args=[dataset.pk])
        assert link not in content(client, self.ADDRESS)
        assert client.get(link).status_code == 404


class TestAnswers:
    """What a conversion could not find out is asked for on its page."""

    @pytest.fixture
    def asking(self, job: Job) -> Job:
        asks = {"voxelSize": True, "differing": ["pad", "split"]}
        jobs.fail(claimed(job), cause="No voxel size.", advice="Give it.", asks=asks)
        return job

    def test_they_are_asked_for_and_the_job_waits_again(self, asking: Job, owner: User) -> None:
        client = browser(owner)
        address = reverse("conversion:job", args=[asking.pk])
        page = content(client, address)
        assert "Your answer is needed" in page
        assert re.findall(r'<option value="(pad|crop|split)"', page) == ["pad", "split"]
        said = {"x": "4", "y": "4", "z": "30.5", "unit": "nanometer", "differing": "pad"}
        client.post(reverse("conversion:answer", args=[asking.pk]), said)
        asking.refresh_from_db()
        assert asking.state == Job.State.PENDING
        assert asking.arguments == {
            "voxelSize": {"factor": [4, 4, 30.5], "unit": "nanometer"},
            "differing": "pad",
        }
        assert "Your answer is needed" not in content(client, address)

    def test_the_list_leads_to_the_question_and_nothing_offers_to_retry_without_an_answer(
        self, asking: Job, owner: User
    ) -> None:
        client = browser(owner)
        table = content(client, reverse("conversion:jobs-table"))
        assert re.findall(r">\s*(Answer|Retry)\s*<", table) == ["Answer"]
        assert actions(client, asking) == []

    def test_it_is_shown_as_waiting_not_as_failed(
        self, asking: Job, owner: User, admin: Client, dataset: Dataset
    ) -> None:
        here = reverse("conversion:job", args=[asking.pk])
        for address in (reverse("conversion:jobs-table"), here):
            said = words(browser(owner), address)
            assert "waits for your answer" in said
            assert "failed" not in said
        row = words(admin, TestRowOfTheDataset.ADDRESS)
        assert "Waits for an answer: No voxel size." in row
        assert "failed" not in row
        advice = content(admin, reverse("datasets:status", args=[dataset]))
        assert "is kept until" in advice
        assert "broken" not in advice
        page = words(browser(owner), here)
        assert "Give it." not in page.partition(" Log ")[0]  # the form is there
        assert page.endswith("No voxel size. Give it.")

    def test_an_answer_is_no_further_attempt(self, asking: Job, owner: User) -> None:
        said = {"x": "4", "y": "4", "z": "30", "unit": "nanometer", "differing": "pad"}
        client = browser(owner)
        client.post(reverse("conversion:answer", args=[asking.pk]), said)
        jobs.succeed(claimed(asking), {})
        assert "attempt" not in words(client, reverse("conversion:job", args=[asking.pk]))

    def test_what_is_wrong_is_said_beside_the_field(self, asking: Job, owner: User) -> None:
        said = {"x": "0", "y": "4", "z": "30", "unit": "nanometer", "differing": "crop"}
        answer = browser(owner).post(reverse("conversion:answer", args=[asking.pk]), said)
        assert answer.status_code == 400
        page = html.unescape(answer.content.decode())
        assert "Give a number above 0." in page
        assert "crop is not one of the available choices" in page
        asking.refresh_from_db()
        assert asking.state == Job.State.FAILURE

    def test_other_failures_ask_for_nothing(self, job: Job, owner: User) -> None:
        jobs.fail(claimed(job), cause="It broke.", advice="")
        client = browser(owner)
        assert "Your answer is needed" not in content(
            client, reverse("conversion:job", args=[job.pk])
        )
        client.post(reverse("conversion:answer", args=[job.pk]), {})
        job.refresh_from_db()
        assert job.state == Job.State.FAILURE

    def test_strangers_answer_nothing(self, asking: Job, lab: Organization) -> None:
        address = reverse("conversion:answer", args=[asking.pk])
        assert browser(make_user(lab)).post(address, {}).status_code == 404
