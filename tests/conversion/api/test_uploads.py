"""Uploads over HTTP, as clients meet them."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversion.models import Job, Upload
from conversion.services.uploads_sweeping import sweep
from datasets.models import Dataset
from datasets.services.folders import root_of
from sharing.models import Organization, User
from sharing.services.links import create_link, reveal_token
from tests.conversion.uploading import (
    CHUNK,
    FILES,
    Sender,
    dataset_files,
    left_behind,
    sentences,
    zipped,
)
from tests.factories import make_dataset, make_organization, make_team, make_user


class TestDataset:
    def test_arrives_byte_for_byte(
        self, sender: Sender, files: dict[str, bytes], organization_directory: Path
    ) -> None:
        answer = sender.upload({**files, "notes.txt": b"read me"})
        assert answer.status_code == 200, answer.content
        dataset = Dataset.objects.get(pk=answer.json()["datasetId"])
        assert (dataset.name, dataset.status) == ("brain", "")
        assert dataset.directory_name == f"brain-{dataset.pk}"
        assert dataset.uploader == sender.user
        assert [layer.name for layer in dataset.layers.all()] == ["color"]
        directory = organization_directory / dataset.directory_name
        for path, content in {**files, "notes.txt": b"read me"}.items():
            assert (directory / path).read_bytes() == content
        assert left_behind(organization_directory / ".uploading") == []

    def test_waits_unusable_until_it_is_finished(
        self, sender: Sender, files: dict[str, bytes], lab: Organization
    ) -> None:
        team = make_team(lab)
        assert sender.reserve(files, initialTeamIds=[team.pk]).status_code == 200
        dataset = Dataset.objects.get()
        assert dataset.status == "Not yet fully uploaded."
        (unfinished,) = sender.client.get(
            f"{sender.base}/unfinishedUploads?organizationName={lab.pk}",
            headers={"x-auth-token": sender.token},
        ).json()
        assert unfinished["uploadId"] == sender.upload_id
        assert unfinished["datasetName"] == "brain"
        assert unfinished["folderId"] == root_of(lab).pk
        assert unfinished["filePaths"] is None
        assert [team["id"] for team in unfinished["allowedTeams"]] == [team.pk]

    def test_speaks_version_13(self, sender: Sender, files: dict[str, bytes]) -> None:
        info = sender.announced(files)
        body = {"name": "old", "organization": sender.user.organization_id, "initialTeams": []}
        assert sender.post("/data/v13/datasets/reserveUpload", {**info, **body}).status_code == 200
        for path, content in files.items():
            for number in range(1, -(-len(content) // CHUNK) + 1):
                chunk = sender.chunk(path, content, number, url="/data/datasets", name="old")
                assert chunk.status_code == 200
        answer = sender.post("/data/v13/datasets/finishUpload", {"uploadId": sender.upload_id})
        assert answer.json() == {"newDatasetId": Dataset.objects.get(name="old").pk}

    def test_comes_as_an_archive_with_a_folder_around_it(
        self, sender: Sender, files: dict[str, bytes], organization_directory: Path
    ) -> None:
        inner = {f"my brain/{path}": content for path, content in files.items()}
        answer = sender.upload({"brain.zip": zipped({**inner, "__MACOSX/x": b"junk"})})
        assert answer.status_code == 200, answer.content
        dataset = Dataset.objects.get()
        directory = organization_directory / dataset.directory_name
        assert left_behind(directory) == sorted(files)

    def test_keeps_empty_files_that_were_named(
        self, sender: Sender, files: dict[str, bytes], organization_directory: Path
    ) -> None:
        paths = [*files, "empty.txt"]
        answer = sender.upload(files, info={"filePaths": paths, "totalFileCount": len(paths)})
        assert answer.status_code == 200, answer.content
        directory = organization_directory / Dataset.objects.get().directory_name
        assert (directory / "empty.txt").read_bytes() == b""

    def test_without_properties_is_inferred_or_refused_in_words(
        self, sender: Sender, files: dict[str, bytes], organization_directory: Path
    ) -> None:
        del files["datasource-properties.json"]
        answer = sender.upload(files)
        assert answer.status_code == 400
        assert "voxel size" in sentences(answer)
        assert sender.finish().json() == answer.json()
        assert Dataset.objects.count() == 0
        assert left_behind(organization_directory) == []

    def test_at_which_the_code_fails_ends_and_leaves_nothing(
        self,
        sender: Sender,
        files: dict[str, bytes],
        organization_directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail(*_: object) -> None:
            raise IndexError("tuple index out of range")

        monkeypatch.setattr("datasets.disk.examine.infer", fail)
        del files["datasource-properties.json"]
        answer = sender.upload(files)
        assert answer.status_code == 400
        assert "reference" in sentences(answer)
        assert sender.row.state == Upload.State.FAILED
        assert left_behind(organization_directory) == []

    @pytest.mark.parametrize("count", [1, 1000])
    def test_names_as_many_files_as_it_announces(
        self, sender: Sender, files: dict[str, bytes], count: int
    ) -> None:
        answer = sender.reserve(files, info={"filePaths": [f"{n}.bin" for n in range(count)]})
        assert answer.status_code == 400
        assert f"but names {count:,}" in sentences(answer)
        assert Dataset.objects.count() == 0

    @pytest.mark.parametrize("path", ["/etc", "../../other", "http://elsewhere/x"])
    def test_with_a_path_that_leads_out_is_refused(
        self, sender: Sender, tmp_path: Path, organization_directory: Path, path: str
    ) -> None:
        files = dataset_files(tmp_path)
        text = files["datasource-properties.json"].decode()
        changed = text.replace('{"mag": [1, 1, 1]}', f'{{"mag": [1, 1, 1], "path": "{path}"}}')
        assert changed != text
        answer = sender.upload({**files, "datasource-properties.json": changed.encode()})
        assert answer.status_code == 400
        assert "leads out of the dataset" in sentences(answer)
        assert (Dataset.objects.count(), left_behind(organization_directory)) == (0, [])

    def test_links_layers_that_its_uploader_may_see(
        self, sender: Sender, uploaded: Dataset, files: dict[str, bytes]
    ) -> None:
        link = {"datasetId": uploaded.pk, "layerName": "color", "newLayerName": "linked"}
        answer = sender.upload(files, layersToLink=[link])
        assert answer.status_code == 200, answer.content
        dataset = Dataset.objects.get(pk=answer.json()["datasetId"])
        names = [layer.name for layer in dataset.layers.all()]
        assert names == ["color", "linked"]
        assert {mag.problem for layer in dataset.layers.all() for mag in layer.mags.all()} == {""}

    def test_links_nothing_that_is_hidden(self, sender: Sender, files: dict[str, bytes]) -> None:
        hidden = make_dataset(make_organization())
        link = {"datasetId": hidden.pk, "layerName": "color"}
        missing = {"datasetId": "0" * 24, "layerName": "color"}
        answers = [sender.reserve(files, layersToLink=[one]) for one in (link, missing)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()

    def test_refuses_null_as_a_link(self, sender: Sender, files: dict[str, bytes]) -> None:
        answer = sender.reserve(files, layersToLink=[None])
        assert answer.status_code == 400
        assert "layersToLink.0: This field may not be null." in sentences(answer)


class TestToBeConverted:
    IMAGES = {"a.tif": b"II*\0" + b"x" * 300}

    @pytest.mark.parametrize("length", [0, -4, 1e308])
    def test_refuses_voxels_that_nobody_can_reckon_with(
        self, sender: Sender, length: float
    ) -> None:
        wanted = {"needsConversion": True, "voxelSizeFactor": [4, 4, length]}
        assert sender.reserve(self.IMAGES, **wanted).status_code == 400

    def test_keeps_the_originals_and_orders_a_conversion_that_waits(
        self, sender: Sender, organization_directory: Path
    ) -> None:
        wanted = {"needsConversion": True, "voxelSizeFactor": [4, 4, 30], "voxelSizeUnit": "nm"}
        answer = sender.upload(self.IMAGES, **wanted)
        assert answer.status_code == 200, answer.content
        dataset = Dataset.objects.get(pk=answer.json()["datasetId"])
        assert dataset.status == "Waiting to be converted."
        place = f".forConversion/{dataset.directory_name}"
        assert (organization_directory / place / "a.tif").read_bytes() == self.IMAGES["a.tif"]
        job = Job.objects.get(kind="convert_to_wkw")
        assert job.arguments == {
            "originals": place,
            "voxelSize": {"factor": [4, 4, 30], "unit": "nanometer"},
        }
        assert (job.state, job.attempt, job.dataset) == ("PENDING", 0, dataset)

    def test_leaves_the_voxel_size_to_the_files_where_it_is_not_given(self, sender: Sender) -> None:
        assert sender.upload(self.IMAGES, needsConversion=True).status_code == 200
        assert Job.objects.get(kind="convert_to_wkw").arguments["voxelSize"] is None

    def test_takes_no_links(self, sender: Sender, uploaded: Dataset) -> None:
        link = {"datasetId": uploaded.pk, "layerName": "color"}
        answer = sender.reserve(
            self.IMAGES, needsConversion=True, voxelSizeFactor=[1, 1, 1], layersToLink=[link]
        )
        assert (answer.status_code, "linked" in sentences(answer)) == (400, True)

    def test_images_without_it_are_told_of_it(self, sender: Sender) -> None:
        assert "converted" in sentences(sender.upload(self.IMAGES))


class TestWhoMay:
    def test_nobody_touches_anothers_upload_or_learns_of_it(
        self, sender: Sender, lab: Organization
    ) -> None:
        sender.reserve(FILES)
        admin = Sender(make_user(lab, is_admin=True), upload_id=sender.upload_id)
        unknown = Sender(admin.user, upload_id="no-such-upload")
        content = FILES["color/1/header.wkw"]
        for deed in (
            lambda who: who.chunk("color/1/header.wkw", content),
            lambda who: who.finish(),
            lambda who: who.cancel(),
        ):
            answers = [deed(who) for who in (admin, unknown)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].json() == answers[1].json()
        refused = admin.reserve(FILES)
        assert refused.status_code == 400
        assert str(sender.user) not in sentences(refused)
        assert Upload.objects.count() == 1

    @pytest.mark.parametrize(("role", "status"), [("member", 403), ("stranger", 404)])
    def test_only_those_who_bring_data_in_may_reserve(
        self, lab: Organization, role: str, status: int
    ) -> None:
        home = lab if role == "member" else make_organization()
        sender = Sender(make_user(home, is_admin=role == "stranger"))
        assert sender.reserve(FILES, organizationId=lab.pk).status_code == status
        assert (Dataset.objects.count(), Upload.objects.count()) == (0, 0)

    def test_a_wrong_token_and_none_are_refused(self, sender: Sender) -> None:
        sender.reserve(FILES)
        for token in ("wrong", ""):
            sender.token = token
            answer = sender.chunk("color/1/header.wkw", FILES["color/1/header.wkw"])
            assert answer.status_code == 401

    def test_the_token_may_stand_in_the_address(self, sender: Sender) -> None:
        token, sender.token = sender.token, ""
        sender.post(f"{sender.base}/reserveUpload?token={token}", {})
        answer = sender.post(f"{sender.base}/finishUpload?token={token}&uploadId=unknown")
        assert answer.status_code == 404

    def test_a_session_needs_its_protection_from_foreign_pages(self, uploader: User) -> None:
        sender = Sender(uploader)
        sender.reserve(FILES)
        client = Client(enforce_csrf_checks=True)
        client.force_login(uploader, backend="django.contrib.auth.backends.ModelBackend")
        sender.client, sender.token = client, ""
        content = FILES["color/1/header.wkw"]
        assert sender.chunk("color/1/header.wkw", content).status_code == 403
        page = client.get("/account")
        secret = page.cookies["csrftoken"].value if "csrftoken" in page.cookies else ""
        client.cookies["csrftoken"] = secret = secret or "a" * 32
        client.defaults["HTTP_X_CSRFTOKEN"] = secret
        assert sender.chunk("color/1/header.wkw", content).status_code == 200

    def test_a_sharing_link_uploads_nothing(self, sender: Sender, uploaded: Dataset) -> None:
        link = create_link(thing=uploaded, name="link", created_by=sender.user)
        sender.token = reveal_token(link)
        assert sender.reserve(FILES).status_code == 401


class TestQuota:
    def test_counts_what_others_have_announced(self, sender: Sender, lab: Organization) -> None:
        lab.included_storage_bytes = 40_000
        lab.save()
        assert sender.reserve(FILES).status_code == 200
        second = Sender(sender.user)
        refused = second.reserve(FILES)
        assert refused.status_code == 403
        assert "no room" in sentences(refused)
        assert Dataset.objects.count() == 1
        assert sender.cancel().status_code == 200
        assert second.reserve(FILES).status_code == 200

    def test_a_repeated_announcement_counts_once(self, sender: Sender, lab: Organization) -> None:
        lab.included_storage_bytes = 25_000
        lab.save()
        for _ in range(3):
            assert sender.reserve(FILES).status_code == 200
        assert (Upload.objects.count(), Dataset.objects.count()) == (1, 1)


class TestEnd:
    def test_finishing_again_gives_the_same_answer(
        self, sender: Sender, files: dict[str, bytes]
    ) -> None:
        first = sender.upload(files)
        again = [sender.finish() for _ in range(4)]
        assert {answer.content for answer in (first, *again)} == {first.content}
        assert {answer.status_code for answer in again} == {200}
        assert Job.objects.count() == 1

    def test_finishing_again_gives_it_days_later_too(
        self, sender: Sender, files: dict[str, bytes], settings: Any
    ) -> None:
        answer = sender.upload(files)
        long_ago = timezone.now() - 2 * settings.UPLOAD_LIFETIME
        Upload.objects.update(last_activity=long_ago)
        Job.objects.update(created=long_ago)
        sweep()
        assert (sender.finish().status_code, sender.finish().json()) == (200, answer.json())

    def test_cancelling_leaves_nothing(self, sender: Sender, organization_directory: Path) -> None:
        sender.reserve(FILES)
        sender.chunk("color/1/header.wkw", FILES["color/1/header.wkw"])
        assert sender.cancel().status_code == 200
        assert (Dataset.objects.count(), left_behind(organization_directory)) == (0, [])
        assert sender.cancel().status_code == 200
        assert sender.chunk("color/1/header.wkw", FILES["color/1/header.wkw"]).status_code == 400
        assert sender.finish().status_code == 400

    def test_what_is_done_is_not_cancelled(self, sender: Sender, files: dict[str, bytes]) -> None:
        sender.upload(files)
        assert sender.cancel().status_code == 409
        assert Dataset.objects.get().is_active

    def test_a_job_that_goes_on_asks_to_come_again(
        self, sender: Sender, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "conversion.services.uploads_finishing.wait_until", lambda is_over: None
        )
        sender.reserve(files)
        sender.send(files)
        for _ in range(2):
            answer = sender.finish()
            assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
            # Whose script gives up here has to know that the upload does not.
            assert "goes on by itself: nothing has to be sent again" in answer.content.decode()
        assert Job.objects.count() == 1
        path, content = next(iter(files.items()))
        assert sender.chunk(path, content).status_code == 200  # a late repetition
