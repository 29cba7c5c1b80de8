"""What people bring that is no image: each gives a sentence that names it, and nothing hangs."""

import gzip
import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from conversion.readers import UnreadableImage
from conversion.readers.sandbox import Sandbox, SandboxLimits
from conversion.readers.series import Found

PLANE = np.random.default_rng(1).integers(0, 255, (32, 48), np.uint8)
SECONDS = 20


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the sandbox puts temporary files."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def box(scratch: Path) -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TMPDIR", str(scratch))
        with Sandbox(SandboxLimits(seconds=SECONDS, memory_bytes=2 << 30)) as box:
            yield box


@pytest.fixture(autouse=True)
def nothing_lost_or_left_behind(box: Sandbox, scratch: Path, tmp_path: Path) -> Iterator[None]:
    """Whatever was refused, the sandbox still reads, and no temporary file is left."""
    yield
    good = tmp_path / "a good one.mrc.gz"
    good.write_bytes(gzip.compress(mrc_header(3, 2, 1) + bytes(range(6))))
    (image,) = box.find_images(good).layers[0].images
    np.testing.assert_array_equal(image.read({}, range(1)).ravel(), range(6))
    assert list(scratch.iterdir()) == []


def read_all(box: Sandbox, path: Path) -> Found:
    """Everything there, as a conversion would read it."""
    found = box.find_images(path)
    for layer in found.layers:
        for image in layer.images:
            index = dict.fromkeys(image.info.axes[:-3], 0)
            for z in range(image.info.length("z")):
                image.read(index, range(z, z + 1))
    return found


def tiff_of_one_page(width: int, height: int, next_page: int = 0) -> bytes:
    """A header, a directory that claims one strip, and some zeros."""
    tags = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)),
        *((262, 3, 1, 1), (273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, height)),
        (279, 4, 1, min(width * height, 100)),
    ]
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return (
        struct.pack("<2sHIH", b"II", 42, 8, len(tags))
        + directory
        + struct.pack("<I", next_page)
        + bytes(900)
    )


def written_tiff(**how: Any) -> bytes:
    """Three pages of 200 x 200 bytes."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (3, 200, 200), dtype=np.uint8)
    tifffile.imwrite(file, noise, photometric="minisblack", metadata=None, **how)
    return file.getvalue()


def png(width: int, height: int, packed: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def mrc_header(*lengths: int) -> bytes:
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, *lengths, 0)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    header[208:212] = b"MAP "
    return bytes(header)


BROKEN = {
    "empty.tif": (b"", "The file is empty"),
    "text.tif": (b"hello world " * 100, "called like a TIFF file, but does not begin like one"),
    "no-name": (b"hello world " * 100, "No reader knows this format"),
    "2 TB in 1 kB.tif": (tiff_of_one_page(1_400_000, 1_500_000), "too large|claims to hold"),
    "cyclic.tif": (tiff_of_one_page(10, 10, next_page=8), "lead back to earlier ones"),
    "9 GB in 10 kB.png": (
        png(100_000, 100_000, zlib.compress(bytes(10**7))),
        "claims to hold 9.3 GiB",
    ),
    "short.png": (
        png(100, 100, zlib.compress(bytes(50))),
        # What happened, what to do, and last the decoder's own words.
        r"It can't be decoded as picture\. It may be .* copy it again\. \(.+\)$",
    ),
    "short.jpg": (
        imagecodecs.jpeg8_encode(np.arange(40_000, dtype=np.uint8).reshape(200, 200))[:-300],
        "can't be decoded as picture",
    ),
    "short stack.tif": (written_tiff()[:-70_000], r"It ends before, or in, the directory of page "),
    "short JPEG in it.tif": (written_tiff(compression="jpeg")[:-300], "can't be decoded as TIFF"),
    "short.mrc": (mrc_header(50, 50, 50) + bytes(1000), "ends after 2,024 bytes"),
    "2 TB in 1 kB.mrc": (mrc_header(20_000, 20_000, 5_000), "claims to hold|ends after"),
    "bomb.mrc.gz": (
        gzip.compress(mrc_header(60_000, 60_000, 900) + bytes(10**6)),
        "claims to hold",
    ),
    "short.mrc.gz": (gzip.compress(mrc_header(50, 50, 50))[:-9], "can't be decoded|ends after"),
    "a PNG.dm3": (png(10, 10, b"no deflate"), "can't be decoded"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_its_name(name: str, tmp_path: Path, box: Sandbox) -> None:
    data, sentence = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableImage, match=sentence) as refused:
        read_all(box, tmp_path / name)
    assert str(refused.value).startswith(f"{name}: ")
    assert "crashed" not in str(refused.value) and "did not end" not in str(refused.value)


@pytest.mark.parametrize("name", ["s2.tif", "s2.png"])
def test_one_broken_slice_of_a_series_is_named(name: str, tmp_path: Path, box: Sandbox) -> None:
    for number in range(4):
        if name.endswith("png"):
            (tmp_path / f"s{number}.png").write_bytes(imagecodecs.png_encode(PLANE))
        else:
            tifffile.imwrite(tmp_path / f"s{number}.tif", PLANE)
    whole = (tmp_path / name).read_bytes()
    for kept in (0, 3, 40, len(whole) - 200):
        (tmp_path / name).write_bytes(whole[:kept])
        with pytest.raises(UnreadableImage) as refused:
            read_all(box, tmp_path)
        assert str(refused.value).startswith(f"{name}: ")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_dangling(path: Path) -> None:
    path.symlink_to("nowhere.tif")


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (make_pipe, "It is no plain file."),
        (make_dangling, "It is a link that leads nowhere."),
        (make_loop, "It is a link that leads nowhere."),
    ],
)
def test_what_is_no_file_is_told_and_not_waited_for(
    make: Callable[[Path], None], why: str, tmp_path: Path, box: Sandbox
) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    make(folder / "odd.tif")
    with pytest.raises(UnreadableImage, match=rf"odd\.tif: {why}"):
        box.find_images(folder / "odd.tif")
    tifffile.imwrite(folder / "a.tif", PLANE)
    found = read_all(box, folder)
    assert found.notes == (f"Left out: odd.tif. {why}",)
    assert len(found.layers) == 1


def test_links_in_a_circle_are_left_out(tmp_path: Path, box: Sandbox) -> None:
    folder = tmp_path / "series"
    (folder / "inner").mkdir(parents=True)
    tifffile.imwrite(folder / "inner/a.tif", PLANE)
    (folder / "inner/up").symlink_to("../..")
    (folder / "self").symlink_to(".")
    found = read_all(box, folder)
    assert [layer.name for layer in found.layers] == ["inner"]
    assert found.notes == (
        "Left out: up. It is a link to a folder that it lies in.",
        "Left out: self. It is a link to a folder that it lies in.",
    )


@pytest.mark.parametrize(
    "name",
    ["срез", "切片", "สไลซ์", "🔬", "a\nb", "'quote\"", "-rf", "$(id)", "\u202egpj", "x" * 240],
)
def test_names_of_any_script_are_read(name: str, tmp_path: Path, box: Sandbox) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    for number in range(3):
        tifffile.imwrite(folder / f"{name}_{number}.tif", PLANE)
    (layer,) = read_all(box, folder).layers
    assert layer.images[0].info.shape == (1, 3, *PLANE.shape)


def test_names_that_are_not_utf_8_are_read_and_told_by_their_bytes(
    tmp_path: Path, box: Sandbox
) -> None:
    folder = tmp_path / os.fsdecode(b"s\xe9ries")
    folder.mkdir()
    for number in range(4):
        tifffile.imwrite(folder / f"a{number}.tif", PLANE)
        (folder / f"a{number}.tif").rename(folder / os.fsdecode(b"caf\xe9_%d.tif" % number))
    (folder / os.fsdecode(b"t\xffxt.txt")).write_text("x")
    found = read_all(box, folder)
    assert found.layers[0].images[0].info.length("z") == 4
    assert found.notes == (r"Left out, since no reader knows them: t\xffxt.txt.",)
    tifffile.imwrite(folder / os.fsdecode(b"caf\xe9_4.tif"), PLANE[:9])
    (problem,) = box.find_images(folder).problems
    assert r"caf\xe9_4.tif is 48 x 9" in str(problem)
    (folder / os.fsdecode(b"caf\xe9_4.tif")).write_bytes(b"II*\0")
    with pytest.raises(UnreadableImage) as refused:
        read_all(box, folder)
    assert str(refused.value).startswith(r"caf\xe9_4.tif: ")
    str(refused.value).encode()
