"""Jobs over the HTTP API: their shape, and who may look at, cancel and retry them."""

from typing import Any

import pytest
from django.test import Client

from conversion.models import Job
from conversion.services import jobs
from datasets.models import Dataset, DatasetTeam
from sharing.models import Organization, User
from sharing.services.tokens import create_token
from tests.factories import make_dataset, make_organization, make_team, make_user

# As upstream writes them; `progress` is added.
KEYS = {
    *("id", "owner", "command", "commandArgs", "state", "manualState", "latestRunId"),
    *("returnValue", "resultLink", "created", "started", "ended", "creditCost"),
    *("voxelyticsWorkflowHash", "errorDetails", "lastRetry", "progress"),
}


def as_user(user: User) -> Client:
    _, secret = create_token(user=user, name="test")
    return Client(headers={"X-Auth-Token": secret})


@pytest.fixture
def dataset(lab: Organization, owner: User) -> Dataset:
    dataset = make_dataset(lab, status=Dataset.Status.NOT_CONVERTED)
    DatasetTeam.objects.create(dataset=dataset, team=make_team(lab, members=(owner,)))
    return dataset


@pytest.fixture
def job(lab: Organization, owner: User, dataset: Dataset) -> Job:
    arguments = {"originals": ".forConversion/brain"}
    return jobs.create(
        kind=Job.Kind.CONVERT, organization=lab, owner=owner, dataset=dataset, arguments=arguments
    )


@pytest.fixture
def failed(job: Job) -> Job:
    held = jobs.claim(job.pk)
    assert held is not None
    jobs.fail(held, cause="'a.tif' is empty.", advice="Upload it again.")
    return held


@pytest.fixture
def people(lab: Organization, owner: User) -> dict[str, Client]:
    manager = make_user(lab)
    make_team(lab, members=(owner,), managers=(manager,))
    return {
        "owner": as_user(owner),
        "admin": as_user(make_user(lab, is_admin=True)),
        "superuser": as_user(make_user(make_organization(), is_superuser=True)),
        "dataset manager": as_user(make_user(lab, is_dataset_manager=True)),
        "team manager": as_user(manager),
        "member": as_user(make_user(lab)),
        "stranger": as_user(make_user(make_organization(), is_admin=True)),
        "nobody": Client(),
    }


OTHERS = {"dataset manager": 404, "team manager": 404, "member": 404, "stranger": 404}
STATUSES = {"owner": 200, "admin": 200, "superuser": 200, **OTHERS, "nobody": 401}


@pytest.mark.parametrize(
    ("method", "address"), [("GET", ""), ("PATCH", "/cancel"), ("POST", "/retry")]
)
@pytest.mark.parametrize(("role", "status"), STATUSES.items())
def test_who_may(
    method: str, address: str, role: str, status: int, job: Job, people: dict[str, Client]
) -> None:
    if address == "/retry":
        jobs.stop(job)
    client = people[role]
    answer = client.generic(method, f"/api/jobs/{job.pk}{address}")
    assert answer.status_code == status, answer.content
    of_missing = client.generic(method, f"/api/jobs/{'0' * 24}{address}")
    if status in {401, 404}:
        assert answer.content == of_missing.content
    assert {entry["id"] for entry in listed(client)} == ({job.pk} if status == 200 else set())


def listed(client: Client) -> Any:
    answer = client.get("/api/v16/jobs")
    return answer.json() if answer.status_code == 200 else []


class TestShape:
    def test_a_waiting_job(
        self, job: Job, owner: User, dataset: Dataset, lab: Organization
    ) -> None:
        (shown,) = listed(as_user(owner))
        assert shown.keys() == KEYS
        assert shown["owner"]["email"] == owner.email
        assert (shown["command"], shown["state"]) == ("convert_to_wkw", "PENDING")
        assert shown["commandArgs"] == {
            "organizationId": lab.pk,
            "datasetId": dataset.pk,
            "datasetName": dataset.name,
        }
        assert shown["created"] == int(job.created.timestamp() * 1000)
        assert [shown[key] for key in ("manualState", "started", "ended", "resultLink")] == [
            None
        ] * 4

    def test_a_running_job_tells_how_fast_it_goes_and_how_long_it_takes(
        self, job: Job, owner: User
    ) -> None:
        held = jobs.claim(job.pk)
        assert held is not None
        jobs.progress(
            held,
            stage="converting",
            percentage=25,
            message="180 MB/s",
            bytes_per_second=1.8e8,
            seconds_left=90,
        )
        (shown,) = listed(as_user(owner))
        assert shown["state"] == "STARTED"
        assert shown["progress"] == {
            "stage": "converting",
            "percentage": 25,
            "message": "180 MB/s",
            "bytesPerSecond": 1.8e8,
            "secondsLeft": 90,
            "attempt": 1,
        }

    def test_a_cancellation_shows_before_the_worker_has_noticed(
        self, job: Job, owner: User
    ) -> None:
        jobs.claim(job.pk)
        shown = as_user(owner).patch(f"/api/jobs/{job.pk}/cancel").json()
        assert (shown["state"], shown["manualState"]) == ("STARTED", "CANCELLED")

    def test_a_failed_job_says_why_and_what_to_do(self, failed: Job, owner: User) -> None:
        (shown,) = listed(as_user(owner))
        said = {"message": "'a.tif' is empty. Upload it again.", "asks": {}}
        assert shown["errorDetails"] == said

    def test_a_job_that_is_done_leads_to_its_dataset(
        self, job: Job, owner: User, dataset: Dataset
    ) -> None:
        held = jobs.claim(job.pk)
        assert held is not None
        Dataset.objects.update(status="")
        jobs.succeed(held, {"summary": "Converted."})
        (shown,) = listed(as_user(owner))
        assert shown["returnValue"] == "Converted."
        assert dataset.pk in shown["resultLink"]
        page = shown["resultLink"].removeprefix("http://localhost:8000")
        assert page.startswith("/datasets/")

    def test_who_may_not_view_the_dataset_any_more_learns_nothing_of_it(
        self, job: Job, owner: User, dataset: Dataset
    ) -> None:
        held = jobs.claim(job.pk)
        assert held is not None
        Dataset.objects.update(status="")
        jobs.succeed(held, {"summary": "Converted."})
        owner.memberships.all().delete()
        client = as_user(owner)
        shown = client.get(f"/api/jobs/{job.pk}").json()
        assert listed(client) == [shown]
        assert dataset.pk not in str(shown)
        assert dataset.name not in str(shown)
        assert shown["resultLink"] is None

    def test_a_job_that_made_a_file_leads_to_it(self, job: Job, owner: User) -> None:
        held = jobs.claim(job.pk)
        assert held is not None
        jobs.succeed(held, {"download": "/jobs/1/download", "value": 7})
        (shown,) = listed(as_user(owner))
        assert shown["resultLink"].endswith("/jobs/1/download")
        assert shown["returnValue"] == "7"


class TestRetry:
    def test_people_retry_a_job_once_and_admins_as_often_as_they_like(
        self, failed: Job, people: dict[str, Client]
    ) -> None:
        def retry(role: str) -> Any:
            answer = people[role].generic("POST", f"/api/jobs/{failed.pk}/retry")
            Job.objects.update(state=Job.State.FAILURE)
            return answer

        first = retry("owner")
        assert (first.status_code, first.json()["state"]) == (200, "PENDING")
        assert first.json()["lastRetry"] is not None
        again = retry("owner")
        assert again.status_code == 403
        assert "Ask an admin" in again.json()["messages"][0]["error"]
        assert [retry(role).status_code for role in ("admin", "superuser", "admin")] == [200] * 3

    def test_answers_to_what_it_asks_for_may_be_given_again_and_again(
        self, job: Job, owner: User
    ) -> None:
        client = as_user(owner)
        for size in ([4, 4, 0], [4, 4, 30], [4, 4, 40]):
            held = jobs.claim(job.pk)
            if held is not None:
                jobs.fail(held, cause="No size.", advice="", asks={"voxelSize": True})
            (shown,) = listed(client)
            assert shown["errorDetails"]["asks"] == {"voxelSize": True}
            body = {"voxelSizeFactor": size, "voxelSizeUnit": "nm"}
            answer = client.post(f"/api/jobs/{job.pk}/retry", body, "application/json")
            assert answer.status_code == (200 if all(size) else 400), answer.content
            job.refresh_from_db()
            if all(size):
                said = job.arguments["voxelSize"]
                assert said == {"factor": size, "unit": "nanometer"}
                assert job.arguments["originals"] == ".forConversion/brain"
        jobs.fail(jobs.claim(job.pk) or job, cause="No slices.", advice="")
        answer = client.post(f"/api/jobs/{job.pk}/retry", {"differing": "pad"}, "application/json")
        assert answer.status_code == 409

    def test_what_runs_is_not_retried_and_what_is_over_not_cancelled(
        self, job: Job, people: dict[str, Client]
    ) -> None:
        jobs.claim(job.pk)
        assert people["owner"].generic("POST", f"/api/jobs/{job.pk}/retry").status_code == 409
        Job.objects.update(state=Job.State.SUCCESS)
        assert people["owner"].patch(f"/api/jobs/{job.pk}/cancel").status_code == 409

    def test_a_second_click_is_told_that_the_job_waits(
        self, job: Job, people: dict[str, Client]
    ) -> None:
        jobs.fail(jobs.claim(job.pk) or job, cause="No slices.", advice="")
        codes = [
            people["owner"].generic("POST", f"/api/jobs/{job.pk}/retry").status_code
            for _ in range(2)
        ]
        assert codes == [200, 409]

    def test_nothing_is_retried_on_a_dataset_that_was_deleted(
        self, job: Job, people: dict[str, Client]
    ) -> None:
        jobs.fail(jobs.claim(job.pk) or job, cause="No slices.", advice="")
        Dataset.objects.all().delete()
        answer = people["owner"].generic("POST", f"/api/jobs/{job.pk}/retry")
        assert answer.status_code == 409
        assert "its dataset was deleted" in answer.content.decode()

    def test_an_export_is_offered_to_its_owner_alone(
        self, job: Job, people: dict[str, Client]
    ) -> None:
        Job.objects.update(state=Job.State.SUCCESS, result={"download": "/jobs/1/export"})
        links = {
            name: people[name].get(f"/api/jobs/{job.pk}").json()["resultLink"]
            for name in ("owner", "admin")
        }
        assert (links["owner"] or "").endswith("/jobs/1/export")
        assert "/export" not in (links["admin"] or "")


def test_a_long_list_costs_as_many_queries_as_a_short_one(
    lab: Organization, owner: User, dataset: Dataset, django_assert_num_queries: Any
) -> None:
    client = as_user(owner)
    for count in (1, 5):
        while Job.objects.count() < count:
            jobs.create(kind=Job.Kind.CONVERT, organization=lab, owner=owner, dataset=dataset)
        listed(client)  # notes the token's use
        with django_assert_num_queries(3):  # the token, the teams, the jobs
            assert len(listed(client)) == count
