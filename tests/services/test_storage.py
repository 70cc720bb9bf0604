from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from services import cache, lesions, photos, storage, unit_of_work
from services.errors import StorageFailed
from tests.helpers import photo_bytes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def one_photo(patient, tiny) -> None:
    """A photo that a row refers to."""
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))


def test_content_is_read_back_under_its_hash(moletrail) -> None:
    content_hash = storage.save(b"pixels", ".jpg")
    assert content_hash == hashlib.sha256(b"pixels").hexdigest()
    assert storage.read(content_hash, ".jpg") == b"pixels"
    assert (moletrail.files / content_hash[:2] / f"{content_hash}.jpg").is_file()


def test_same_content_is_one_file(moletrail) -> None:
    assert storage.save(b"pixels", ".jpg") == storage.save(b"pixels", ".jpg")
    assert len([path for path in moletrail.files.rglob("*") if path.is_file()]) == 1


def test_file_is_synced_before_and_its_folder_after_the_rename(moletrail, monkeypatch) -> None:
    synced = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        there = [path.suffix for path in moletrail.files.rglob("*") if path.is_file()]
        synced.append((os.path.isdir(f"/proc/self/fd/{descriptor}"), there))  # noqa: PTH112
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    storage.save(b"pixels", ".jpg")
    assert (False, [".part"]) in synced
    assert synced[-1] == (True, [".jpg"])


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "The disk is full, so the photo could not be saved. What was stored before is safe."),
        (errno.EROFS, "The disk can only be read at the moment"),
        (errno.EACCES, "The data folder is closed to this program"),
        (errno.EIO, "The disk reports an error"),
    ],
)
def test_disk_that_does_not_take_it_is_told_in_words_and_nothing_half_is_left(moletrail, monkeypatch, number: int, sentence: str) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    (moletrail.files / hashlib.sha256(b"pixels").hexdigest()[:2]).mkdir(parents=True)
    with monkeypatch.context() as patched, pytest.raises(StorageFailed, match=sentence):
        patched.setattr(os, "fsync", fail)
        storage.save(b"pixels", ".jpg")
    assert [path for path in moletrail.files.rglob("*") if path.is_file()] == []
    assert storage.read(storage.save(b"pixels", ".jpg"), ".jpg") == b"pixels"


def test_sweep_takes_old_files_nobody_refers_to_and_leaves_young_ones(moletrail, one_photo) -> None:
    old, young = storage.save(b"old", ".jpg"), storage.save(b"young", ".png")
    half = moletrail.files / "ab" / "x.part"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"half")
    long_ago = time.time() - 2 * storage.YOUNG_SECONDS
    for path in (moletrail.files / old[:2] / f"{old}.jpg", half):
        os.utime(path, (long_ago, long_ago))
    assert storage.sweep() == 2
    assert storage.read(young, ".png") == b"young"
    with pytest.raises(StorageFailed):
        storage.read(old, ".jpg")


IN_ANOTHER_PROCESS = """
import sys
from services import storage
print(storage.save(sys.argv[1].encode(), ".jpg") if len(sys.argv) > 1 else storage.sweep(), flush=True)
sys.stdin.read()
"""


def another_process(*arguments: str) -> subprocess.Popen:
    """One that stores or sweeps, and then lives until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_sweep_takes_young_files_of_the_dead_and_none_of_the_living(moletrail, one_photo, sqlite_only) -> None:
    unit_of_work.engine().dispose()
    storage.release()
    writer = another_process("saved, with its row still to come")
    content_hash = writer.stdout.readline().strip()
    assert storage.sweep() == 0, "the writer lives"
    writer.kill()
    writer.communicate()
    assert storage.sweep() == 1
    with pytest.raises(StorageFailed):
        storage.read(content_hash, ".jpg")


def test_saving_waits_while_another_process_sweeps(moletrail, one_photo, sqlite_only) -> None:
    storage.release()
    with storage.alone() as alone:
        assert alone
        writer = another_process("pixels")
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(timeout=3)
        assert not storage.path_of(f"{hashlib.sha256(b'pixels').hexdigest()}.jpg").exists()
    assert writer.communicate(timeout=60)[0].strip() == hashlib.sha256(b"pixels").hexdigest()


def test_damaged_file_is_told_and_healed_by_the_same_photo_sent_again(moletrail) -> None:
    content_hash = storage.save(b"pixels", ".jpg")
    storage.path_of(f"{content_hash}.jpg").write_bytes(b"pixelz")
    with pytest.raises(StorageFailed, match="is damaged"):
        storage.read(content_hash, ".jpg")
    storage.save(b"pixels", ".jpg")
    assert storage.read(content_hash, ".jpg") == b"pixels"


def test_sweep_does_not_take_a_lost_database_for_unwanted_photos(moletrail) -> None:
    content_hash = storage.save(b"old", ".jpg")
    assert storage.sweep(young_seconds=-1) == 0
    assert storage.read(content_hash, ".jpg") == b"old"


def test_saving_old_content_again_makes_it_young(moletrail) -> None:
    content_hash = storage.save(b"old", ".jpg")
    path = moletrail.files / content_hash[:2] / f"{content_hash}.jpg"
    os.utime(path, (0, 0))
    storage.save(b"old", ".jpg")
    assert storage.sweep() == 0


def test_cache_stays_below_its_bound(moletrail, monkeypatch) -> None:
    monkeypatch.setattr(cache, "LARGEST_BYTES", 10_000)
    monkeypatch.setattr(cache, "_LOOK_EVERY", 1)
    for number in range(30):
        assert cache.cached(f"{number:02}-picture.jpg", lambda: bytes(1000)) == bytes(1000)
    kept = list(moletrail.cache.rglob("*.jpg"))
    assert 5 <= len(kept) <= 10
    assert moletrail.cache / "29" / "29-picture.jpg" in kept


def test_full_disk_costs_the_cache_and_not_the_picture(moletrail, monkeypatch) -> None:
    def fail(*_arguments) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage, "write", fail)
    assert cache.cached("ab-picture.jpg", lambda: b"picture") == b"picture"
