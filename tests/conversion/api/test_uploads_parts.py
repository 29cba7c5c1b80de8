"""Uploads of mags and attachments over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from conversion.models import Upload
from datasets.models import Dataset
from sharing.models import Organization, User
from tests.conversion.uploading import (
    Sender,
    dataset_files,
    left_behind,
    mag_files,
    sentences,
)
from tests.factories import make_organization, make_user


class TestParts:
    def into(self, dataset: Dataset, **changes: Any) -> dict[str, Any]:
        return {"datasetId": dataset.pk, "layerName": "color", "overwritePending": True, **changes}

    def mag(self, *mag: int) -> dict[str, Any]:
        axes = {"c": 0, "x": 1, "y": 2, "z": 3}
        return {"mag": {"mag": list(mag), "axisOrder": axes, "channelIndex": 0}}

    def test_a_mag_joins_its_layer(
        self, uploader: User, uploaded: Dataset, tmp_path: Path, organization_directory: Path
    ) -> None:
        sender = Sender(uploader, "mag")
        files = mag_files(tmp_path)
        answer = sender.upload(files, **self.into(uploaded), **self.mag(2, 2, 2))
        assert answer.status_code == 200, answer.content
        layer = uploaded.layers.get()
        assert {mag.literal: mag.problem for mag in layer.mags.all()} == {"1": "", "2": ""}
        directory = organization_directory / uploaded.directory_name
        assert left_behind(directory / "color" / "2") == sorted(files)
        again = Sender(uploader, "mag").reserve(files, **self.into(uploaded), **self.mag(2, 2, 2))
        assert again.status_code == 409

    def test_a_mag_of_another_type_is_refused_and_leaves_nothing(
        self, uploader: User, uploaded: Dataset, tmp_path: Path, organization_directory: Path
    ) -> None:
        files = mag_files(tmp_path)
        files[".zarray"] = files[".zarray"].replace(b"|u1", b"<u4")
        sender = Sender(uploader, "mag")
        before = left_behind(organization_directory)
        answer = sender.upload(files, **self.into(uploaded), **self.mag(2, 2, 2))
        assert answer.status_code == 400
        assert "uint32" in sentences(answer)
        assert left_behind(organization_directory) == before
        assert uploaded.layers.get().mags.count() == 1

    @pytest.mark.parametrize(
        ("data_format", "sent", "place"),
        [
            ("hdf5", {".": b"h" * 150}, "color/agglomerates/one.hdf5"),
            ("zarr3", {"zarr.json": b"{}", "c/0": b"x"}, "color/agglomerates/one"),
        ],
    )
    def test_an_attachment_joins_its_layer(
        self,
        uploader: User,
        uploaded: Dataset,
        organization_directory: Path,
        data_format: str,
        sent: dict[str, bytes],
        place: str,
    ) -> None:
        attachment = {"name": "one", "path": "dummy_path", "dataFormat": data_format}
        answer = Sender(uploader, "attachment").upload(
            sent, **self.into(uploaded, attachmentType="agglomerate", attachment=attachment)
        )
        assert answer.status_code == 200, answer.content
        (row,) = uploaded.layers.get().attachments.all()
        assert (row.kind, row.name, row.path) == ("agglomerates", "one", place)
        found = organization_directory / uploaded.directory_name / place
        expected = sent.get(".", b"{}")
        assert (found if "." in sent else found / "zarr.json").read_bytes() == expected

    def test_a_second_upload_of_the_same_mag_waits_or_takes_its_place(
        self, uploader: User, uploaded: Dataset, tmp_path: Path
    ) -> None:
        files, part = mag_files(tmp_path), {**self.into(uploaded), **self.mag(2, 2, 1)}
        first, second = Sender(uploader, "mag"), Sender(uploader, "mag")
        assert first.reserve(files, **part).status_code == 200
        assert second.reserve(files, **{**part, "overwritePending": False}).status_code == 409
        assert second.reserve(files, **part).status_code == 200
        assert first.row.state == Upload.State.CANCELLED

    def test_only_editors_extend_a_dataset(
        self, lab: Organization, uploaded: Dataset, tmp_path: Path
    ) -> None:
        files = mag_files(tmp_path)
        for user, status in (
            (make_user(lab), 404),
            (make_user(make_organization(), is_admin=True), 404),
        ):
            answer = Sender(user, "mag").reserve(files, **self.into(uploaded), **self.mag(2, 2, 2))
            assert answer.status_code == status

    @pytest.mark.parametrize("domain", ["mag", "attachment"])
    @pytest.mark.parametrize("linked", ["before", "meanwhile"])
    def test_no_upload_leads_through_a_link_into_another_dataset(
        self,
        uploader: User,
        uploaded: Dataset,
        tmp_path: Path,
        organization_directory: Path,
        domain: str,
        linked: str,
    ) -> None:
        other = Sender(uploader).upload(dataset_files(tmp_path), datasetName="other").json()
        place = organization_directory / Dataset.objects.get(pk=other["datasetId"]).directory_name
        layer = organization_directory / uploaded.directory_name / "color"
        before = left_behind(place)
        attachment = {"name": "one", "path": "dummy_path", "dataFormat": "hdf5"}
        part: dict[str, Any] = {"attachmentType": "agglomerate", "attachment": attachment}
        part = self.into(uploaded, **(self.mag(2, 2, 2) if domain == "mag" else part))
        files = mag_files(tmp_path) if domain == "mag" else {".": b"h" * 150}

        def link() -> None:
            layer.rename(tmp_path / "kept")
            layer.symlink_to(place / "color")

        sender = Sender(uploader, domain)
        if linked == "before":
            link()
            answer = sender.reserve(files, **part)
            assert answer.status_code == 409
        else:
            assert sender.reserve(files, **part).status_code == 200
            link()
            answer = sender.upload(files, **part)
            assert answer.status_code == 400
            assert sender.row.state == Upload.State.FAILED
        assert "is a link to data elsewhere" in sentences(answer)
        assert left_behind(place) == before

    def test_whether_an_id_is_taken_is_told_to_nobody_who_may_not_upload(
        self, uploader: User, uploaded: Dataset, tmp_path: Path
    ) -> None:
        files, part = mag_files(tmp_path), {**self.into(uploaded), **self.mag(2, 2, 2)}
        theirs = Sender(uploader, "mag")
        assert theirs.reserve(files, **part).status_code == 200
        stranger = make_user(make_organization(), is_admin=True)
        member = make_user(uploader.organization)

        def answers(upload_id: str) -> list[tuple[int, str]]:
            found = [
                Sender(stranger, "mag", upload_id).reserve(files, **part),
                Sender(member, upload_id=upload_id).reserve(files),
                Sender(stranger, upload_id=upload_id).reserve(
                    files, organizationId=uploader.organization_id
                ),
            ]
            return [(answer.status_code, sentences(answer)) for answer in found]

        taken, free = answers(theirs.upload_id), answers(f"{theirs.upload_id}-free")
        assert taken == free
        assert {status for status, _ in taken} <= {403, 404}
        # Whoever may upload learns only that this id will not do, and nothing comes of it.
        answer = Sender(stranger, upload_id=theirs.upload_id).reserve(files)
        assert answer.status_code == 400
        assert "Start the upload anew" in sentences(answer)
        assert Dataset.objects.filter(organization=stranger.organization).count() == 0
