"""Names that senders give: kept as they are, or refused with the reason."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.uploads.names import BadUpload, checked_path, checked_upload_id

names = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"),
    min_size=1,
    max_size=60,
).filter(lambda name: name not in (".", ".."))


@given(st.lists(names, min_size=1, max_size=4))
def test_names_in_any_script_stay_as_they_are(components: list[str]) -> None:
    components[0] = f"x{components[0]}"  # no drive letter
    assert checked_path("/".join(components)).parts == tuple(components)


@given(st.text(st.sampled_from("a.:/\\\0\n\x7fé"), max_size=12))
def test_what_is_accepted_stays_inside_its_folder_under_its_own_name(path: str) -> None:
    try:
        checked = checked_path(path)
    except BadUpload:
        return
    assert str(checked) == path
    assert not checked.is_absolute()
    assert not {".", ".."} & set(path.split("/"))


@pytest.mark.parametrize(
    "path",
    [
        "Zellkörper/größe 1.tif",
        "データ/層/1/z0.wkw",
        "صورة/طبقة.png",
        "color/1/.zarray",
        "..hidden/...",
        "12:30 scan.tif",
        "/".join("a" * 32),
        "é" * 127,
    ],
)
def test_ordinary_names_are_taken(path: str) -> None:
    assert checked_path(path) == PurePosixPath(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "without a name"),
        ("/etc/passwd", "absolute"),
        ("C:/Windows/system.ini", "absolute"),
        (".", "'.' or '..'"),
        ("..", "'.' or '..'"),
        ("a/../../b", "'.' or '..'"),
        ("./a", "'.' or '..'"),
        ("a//b", "empty component"),
        ("a/", "empty component"),
        ("..\\..\\a", "backslash"),
        ("a\\b", "backslash"),
        ("a\0.tif", "control character"),
        ("a\n.tif", "control character"),
        ("a\x85.tif", "control character"),
        ("a\u2028.tif", "control character"),
        ("a\udcff.tif", "broken text"),
        ("é" * 128, "longer than 255 bytes"),
        ("/".join(["a" * 200] * 6), "longer than 1,024 bytes"),
        ("/".join("a" * 33), "32 folders deep"),
    ],
)
def test_unsafe_paths_are_refused_with_the_reason(path: str, reason: str) -> None:
    with pytest.raises(BadUpload, match=reason) as refused:
        checked_path(path)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("upload_id", ["a", "2026-01-31T12-00-00__3f2c-9", "A" * 128, "a.b"])
def test_ids_of_uploads(upload_id: str) -> None:
    assert checked_upload_id(upload_id) == upload_id


@pytest.mark.parametrize(
    "upload_id", ["", ".", "..", ".a", "a..b", "a/b", "a\n", "é", "-a", "A" * 129, "a\0"]
)
def test_an_id_that_could_name_another_folder_is_refused(upload_id: str) -> None:
    with pytest.raises(BadUpload, match="no id of an upload"):
        checked_upload_id(upload_id)
