"""Reading in another process gives the same, and faults there are sentences here."""

import pickle
import signal
import socket
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from conversion.readers import Image, UnreadableImage, sandbox
from conversion.readers.sandbox import ReaderKilled, Sandbox, SandboxLimits
from tests.conversion.readers.contract import Case, ReaderContract

VOXELS = np.random.default_rng(7).integers(0, 255, (2, 9, 40, 50), np.uint8)
MEGABYTE = 1 << 20


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """It starts with the first question, so with what a test has changed before."""
    box = Sandbox()
    yield box
    box.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "image.tif"
    options = {"metadata": {"axes": "TZYX"}, "photometric": "minisblack", "compression": "lzw"}
    tifffile.imwrite(path, VOXELS, ome=True, **options)
    return path


@pytest.fixture
def make_faulty(path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Image]:
    """Makes an image with a fault, of a module that the other process finds, too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    from faulty_image import FaultyImage

    return lambda fault: FaultyImage(path, fault)


@pytest.fixture
def faulty(make_faulty: Callable[[str], Image]) -> Iterator[Callable[..., Image]]:
    """Makes an image with a fault, read in a sandbox with the given limits."""
    boxes = []

    def make(fault: str, **limits: Any) -> Image:
        boxes.append(Sandbox(SandboxLimits(**limits)))
        return boxes[-1].open(make_faulty(fault))

    yield make
    for box in boxes:
        box.close()


class BoxedCase(Case):
    def open(self) -> Image:
        (layer,) = self.box.find_images(self.path).layers
        return layer.images[0]


class TestSandboxedImages(ReaderContract):
    @pytest.fixture(params=[sandbox.SHARED_BYTES, 4_000], ids=["in one piece", "in pieces"])
    def case(
        self, request: pytest.FixtureRequest, path: Path, box: Sandbox, monkeypatch: Any
    ) -> Case:
        monkeypatch.setattr(sandbox, "SHARED_BYTES", request.param)
        case = BoxedCase(path, VOXELS[:, None])
        object.__setattr__(case, "box", box)
        return case


@pytest.mark.parametrize("fault, name", [("crash", "SIGSEGV"), ("abort", "SIGABRT")])
def test_a_crash_is_a_sentence(faulty: Callable[..., Image], fault: str, name: str) -> None:
    sentence = rf"image\.tif: The library that decodes it crashed \({name}\)\. It is probably"
    with pytest.raises(UnreadableImage, match=sentence):
        faulty(fault).read({}, range(4))


def test_a_hang_ends_with_its_time(faulty: Callable[..., Image]) -> None:
    with pytest.raises(UnreadableImage, match="did not end within 1 seconds"):
        faulty("hang", seconds=1).read({}, range(1))


def test_more_memory_than_allowed_is_refused(faulty: Callable[..., Image]) -> None:
    with pytest.raises(UnreadableImage, match="needs more memory than a reader may use"):
        faulty("allocate", memory_bytes=1 << 31).read({}, range(1))


def test_a_watchdog_looks_at_resident_memory(
    faulty: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = faulty("grow", memory_bytes=1 << 31)
    monkeypatch.setattr(sandbox, "_used_bytes", _claiming(3 << 30, after=sandbox._used_bytes))
    with pytest.raises(UnreadableImage, match="needs more than the 2 GiB of memory"):
        image.read({}, range(1))


def test_voxels_that_are_given_back_count_as_memory(faulty: Callable[..., Image]) -> None:
    image = faulty("fill", memory_bytes=512 * MEGABYTE, seconds=20)
    with pytest.raises(UnreadableImage, match=r"needs more than the 0\.5 GiB of memory"):
        image.read({}, range(1))


def _claiming(size: int, after: Callable[[int], int]) -> Callable[[int], int]:
    """As a system where the limit on allocation does not hold: it tells of much once it grew."""
    return lambda process: size if after(process) > 150 * MEGABYTE else 0


def test_what_a_decoder_raises_is_told(faulty: Callable[..., Image]) -> None:
    with pytest.raises(UnreadableImage, match="a bug"):
        faulty("raise").read({}, range(1))


def test_reads_on_after_a_crash(
    box: Sandbox, path: Path, make_faulty: Callable[[str], Image]
) -> None:
    healthy = box.find_images(path).layers[0].images[0]
    crashing = box.open(make_faulty("crash"))
    np.testing.assert_array_equal(healthy.read({"t": 1}, range(9)), VOXELS[1])
    with pytest.raises(UnreadableImage, match="crashed"):
        crashing.read({}, range(1))
    np.testing.assert_array_equal(healthy.read({"t": 1}, range(9)), VOXELS[1])


def test_a_killed_process_is_told_and_replaced(box: Sandbox, path: Path) -> None:
    image = box.find_images(path).layers[0].images[0]
    assert box._process is not None
    box._process.send_signal(signal.SIGKILL)
    with pytest.raises(ReaderKilled, match="ended by the system"):
        image.read({"t": 0}, range(9))
    np.testing.assert_array_equal(image.read({"t": 0}, range(9)), VOXELS[0])


def test_a_process_killed_as_it_answers_is_told_too(box: Sandbox, path: Path) -> None:
    image = box.find_images(path).layers[0].images[0]
    ours, theirs = socket.socketpair()
    theirs.sendall((100).to_bytes(4, "big") + b"the beginning of")
    theirs.shutdown(socket.SHUT_WR)
    with box._connection:
        box._connection = Connection(ours.detach())
        assert box._process is not None
        box._process.kill()
        with theirs, pytest.raises(ReaderKilled):
            image.read({"t": 0}, range(9))


def test_who_waits_for_images_may_give_up_and_ask_again(path: Path) -> None:
    class GivenUp(Exception):
        pass

    def give_up() -> None:
        raise GivenUp

    with Sandbox(check=give_up) as box:
        with pytest.raises(GivenUp):
            box.find_images(path)
        box._check = lambda: None
        image = box.find_images(path).layers[0].images[0]
        np.testing.assert_array_equal(image.read({"t": 0}, range(9)), VOXELS[0])


def test_a_process_ends_without_a_word_when_nobody_waits_for_its_answer(
    box: Sandbox, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    box.find_images(path)
    process = box._process
    assert process is not None
    box._connection.send(("find", path))
    box._connection.close()
    assert process.wait(timeout=60) == 0
    assert capfd.readouterr().err == ""


def test_secrets_stay_here(faulty: Callable[..., Image], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SITE", "x")
    assert not faulty("environment").read({}, range(1)).any()


def test_faults_of_files_cross_the_border(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(UnreadableImage, match=r"a\.png: The file is empty"):
        box.find_images(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError):
        box.find_images(tmp_path / "absent.png")


def test_a_boxed_image_opens_anywhere(box: Sandbox, path: Path) -> None:
    image = box.find_images(path).layers[0].images[0]
    with pickle.loads(pickle.dumps(image)) as copy, Sandbox() as other:
        again = other.open(copy)
        np.testing.assert_array_equal(again.read({"t": 1}, range(2, 4)), VOXELS[1, 2:4])


def test_a_slice_larger_than_the_shared_memory_is_read(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "SHARED_BYTES", 1000)
    tifffile.imwrite(tmp_path / "a.tif", VOXELS[0, 0], compression="lzw", rowsperstrip=40)
    image = box.find_images(tmp_path / "a.tif").layers[0].images[0]
    np.testing.assert_array_equal(image.read({}, range(1))[0], VOXELS[0, 0])
