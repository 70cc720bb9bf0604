from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import threading
import zipfile
from datetime import date, timedelta
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

import core
from core import isolation
from core.photo import read_photo
from core.synthetic import Mole, encode, photograph
from db.models import Diagnosis, Upload, Visit
from services import audit, lesions, photos, sealing, storage, throttle, unit_of_work
from services.errors import NotFound, PhotoRefused, ServiceError, StorageFailed, ValidationError
from services.fields import today
from services.unit_of_work import reading, transaction
from tests.helpers import BANDS, exif_with_place, mask_bytes, photo_bytes

DAY = date(2024, 5, 1)


@pytest.fixture
def lesion(patient):
    return lesions.add_lesion(patient, name="Nape", body_site="nape")


@pytest.fixture
def add(patient, lesion, tiny):
    def add(data: bytes | None = None, *, taken_on: date = DAY, **more):
        return photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes() if data is None else data, taken_on=taken_on, **more)

    return add


def rows(model) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(model))


def files(settings) -> list:
    return sorted(path for path in settings.files.rglob("*") if path.is_file())


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


# --- adding ---


def test_photo_is_analysed_stored_and_shown(add, patient) -> None:
    steps = []
    visit = add(note="Itches\r\na little.", on_step=steps.append)
    assert steps == ["reading", "checking", "finding", "classifying", "saving"]
    assert (visit.lesion_name, visit.patient_id, visit.visited_on, visit.note) == ("Nape", patient.id, DAY, "Itches\na little.")
    (photo,) = visit.photos
    assert (photo.accepted, photo.width, photo.height, photo.reasons) == (True, 160, 120, ())
    assert photo.warnings == (core.sentence("below_1280x720"),)
    finding = visit.finding
    assert (finding.malignant_probability, finding.interval) == (0.03, (0.015, 0.06))
    assert (finding.diagnosis, finding.confidence) == ("benign", "high")
    assert (finding.chosen_model, finding.models, finding.model_versions) == ("tiny", ("tiny", "other"), {"tiny": "1", "other": "1"})
    assert finding.area_fraction == finding.measurements["area_fraction"] > 0.1


def test_stored_photo_holds_pixels_and_no_metadata(add, moletrail) -> None:
    sent = photo_bytes(exif=exif_with_place())
    assert opened(sent).getexif().get_ifd(0x8825), "the photo that is sent does say where it was taken"
    add(sent)
    for path in files(moletrail):
        data = sealing.unseal_file(path.read_bytes())
        assert hashlib.sha256(data).hexdigest() == path.stem
        assert path.parent.name == path.stem[:2]
        assert b"Exif" not in data
        assert b"Phone maker" not in data
        assert dict(opened(data).getexif()) == {}
    assert [path.suffix for path in files(moletrail)].count(".jpg") == 1


def test_what_is_analysed_is_what_is_stored(add, tiny, patient) -> None:
    visit = add(photo_bytes(format="PNG"))
    stored = photos.photo_file(patient, upload_id=visit.photo.id, size="full")
    assert np.array_equal(core.read_photo(stored).rgb, tiny.seen[-1])


def test_two_photos_of_a_day_share_the_visit(add) -> None:
    first = add(photo_bytes(radius=20), note="Morning.")
    second = add(photo_bytes(radius=40), note="Evening.")
    assert first.id == second.id
    assert [photo.id for photo in second.photos] == sorted(photo.id for photo in second.photos)
    assert len(second.photos) == 2
    assert second.note == "Morning.\n\nEvening."
    assert second.finding.upload_id == second.photos[-1].id
    assert add(taken_on=DAY + timedelta(days=1)).id != first.id


def test_the_same_photo_again_changes_nothing(add, moletrail) -> None:
    first = add(note="Itches.")
    stored = files(moletrail)
    assert add(note="Itches.") == first
    assert files(moletrail) == stored
    assert (rows(Visit), rows(Upload), rows(Diagnosis)) == (1, 1, 1)


def test_the_same_content_twice_is_one_file(add, moletrail) -> None:
    add()
    stored = files(moletrail)
    add(taken_on=DAY + timedelta(days=30))
    assert files(moletrail) == stored
    assert rows(Upload) == 2


def test_photo_the_gate_refuses_is_kept_with_its_reasons_and_no_finding(add, tiny) -> None:
    tiny.reasons = ("no_lesion",)
    visit = add()
    assert visit.finding is None
    assert (visit.photo.accepted, visit.photo.reasons, visit.photo.finding) == (False, (core.sentence("no_lesion"),), None)
    assert rows(Diagnosis) == 0
    tiny.reasons = ()
    better = add(photo_bytes(radius=35))
    assert better.photo.accepted
    assert better.finding == better.photos[1].finding


UNREADABLE = {
    "empty_file": b"",
    "not_a_photo": b"%PDF-1.7 no photo at all",
    "damaged_file": photo_bytes()[:300],
    "too_many_bytes": b"\xff\xd8\xff" + bytes(photos.MAX_UPLOAD_BYTES),
}


@pytest.fixture
def one_worker(monkeypatch):
    """A decoder of this test's own, given up on when it has not answered after seconds."""
    decoder = isolation.Decoder(1, wall_seconds=3.0)
    recent = isolation.RecentPhotos(decoder)
    monkeypatch.setattr(isolation, "decoder", decoder)
    monkeypatch.setattr(isolation, "read_photo", recent.read_photo)
    yield decoder
    recent.forget()
    decoder.close()


def test_the_server_decodes_only_what_it_wrote_itself(add, patient, moletrail, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(core, "read_photo", lambda data: seen.append(data) or read_photo(data), raising=False)
    sent = photo_bytes(exif=exif_with_place())
    photos.suggested_date(sent)
    photos.preview(sent)
    visit = add(sent)
    photos.photo_file(patient, upload_id=visit.photo.id, size="thumb")
    assert sent not in seen
    assert {hashlib.sha256(data).hexdigest() for data in seen} == {path.stem for path in files(moletrail) if path.suffix == ".jpg"}


def test_date_preview_and_analysis_cost_one_decoding(add, one_worker, monkeypatch) -> None:
    decoded = []
    decode = one_worker.read_photo
    monkeypatch.setattr(one_worker, "read_photo", lambda data: decoded.append(data) or decode(data))
    sent = photo_bytes(exif=exif_with_place())
    assert photos.suggested_date(sent) == date(2024, 3, 5)
    assert photos.preview(sent)
    assert add(sent).photo.accepted
    assert decoded == [sent]


def test_photo_whose_decoding_hangs_is_refused_and_the_next_one_is_stored(add, one_worker, moletrail) -> None:
    one_worker.start()
    os.kill(one_worker.pids[0], signal.SIGSTOP)
    with pytest.raises(PhotoRefused, match="within the limits") as caught:
        add(photo_bytes(radius=20))
    assert caught.value.code == "over_limits"
    assert files(moletrail) == []
    assert add(photo_bytes(radius=40)).photo.accepted


def test_photo_is_refused_for_now_where_no_process_can_be_started(add, one_worker, moletrail, monkeypatch, tmp_path) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(tmp_path / "absent"))
        with pytest.raises(ServiceError, match="cannot be read at the moment"):
            add()
        with pytest.raises(ServiceError, match="cannot be read at the moment"):
            photos.warm_up()
        assert photos.preview(photo_bytes()) is None
        assert photos.suggested_date(photo_bytes()) is None
    assert files(moletrail) == []
    assert add().photo.accepted


def test_one_person_cannot_send_any_number_of_photos(add, patient, other_patient, clock, monkeypatch) -> None:
    monkeypatch.setitem(throttle.LIMITS, "photo", throttle.Limit(free_tries=3, lock_after=6, forgets_one_every=timedelta(minutes=1)))
    for radius in (20, 21, 22):
        add(photo_bytes(radius=radius))
    with pytest.raises(PhotoRefused, match="wait 30 seconds") as caught:
        add(photo_bytes(radius=23))
    assert caught.value.code == "too_many_photos"
    assert throttle_free_for(other_patient)
    clock.move(minutes=2)
    add(photo_bytes(radius=23))


def throttle_free_for(person) -> bool:
    with transaction() as session:
        return throttle.count_try(session, throttle.key("photo", str(person.id))) is None


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_what_hides_behind_the_photo_is_not_stored(add, moletrail, format: str) -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("evil.html", "<script>alert(1)</script>")
    add(photo_bytes(format=format) + archive.getvalue())
    for path in files(moletrail):
        data = sealing.unseal_file(path.read_bytes())
        assert not zipfile.is_zipfile(BytesIO(data))
        assert b"evil.html" not in data and b"<script>" not in data


@pytest.mark.parametrize("code", UNREADABLE)
def test_file_that_is_no_usable_photo_stores_nothing(add, moletrail, code: str) -> None:
    with pytest.raises(PhotoRefused) as caught:
        add(UNREADABLE[code])
    assert caught.value.code == code
    assert str(caught.value).endswith(".")
    assert files(moletrail) == []
    assert (rows(Visit), rows(Upload)) == (0, 0)


def test_too_large_a_photo_is_told_the_limit(add) -> None:
    with pytest.raises(PhotoRefused, match="larger than 15 MB"):
        add(UNREADABLE["too_many_bytes"])


@pytest.mark.parametrize(
    ("wrong", "sentences"),
    [
        ({"taken_on": today() + timedelta(days=1)}, {"taken_on": "The date lies in the future."}),
        ({"taken_on": date(1980, 5, 16)}, {"taken_on": "The date lies before the birth date."}),
        ({"taken_on": None}, {"taken_on": "Please choose a date."}),
        ({"note": "x" * 2001}, {"note": "The text may have at most 2000 characters; it has 2001."}),
        ({"note": "a\x07b"}, {"note": "Please leave out invisible and special control characters."}),
    ],
)
def test_wrong_date_or_note_stores_nothing(add, moletrail, wrong: dict, sentences: dict) -> None:
    with pytest.raises(ValidationError) as caught:
        add(**wrong)
    assert caught.value.fields == sentences
    assert files(moletrail) == []


def test_photo_of_today_and_of_the_day_of_birth_are_fine(add) -> None:
    assert add(taken_on=today()).visited_on == today()
    assert add(taken_on=date(1980, 5, 17)).visited_on == date(1980, 5, 17)


def test_failed_transaction_leaves_no_row_and_what_it_wrote_is_swept(add, patient, moletrail, monkeypatch) -> None:
    def fail(*_arguments, **_more) -> None:
        raise RuntimeError("the power went")

    kept = add(photo_bytes(radius=20), note="Kept.")
    stored = files(moletrail)
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(audit, "record", fail)
        add(photo_bytes(radius=40), note="Lost.")
    assert (rows(Upload), rows(Diagnosis)) == (1, 1)
    assert lesions.visit(patient, visit_id=kept.id) == kept
    left = len(files(moletrail)) - len(stored)
    assert left > 0
    assert storage.sweep() == 0, "a young file may belong to a transaction on its way"
    assert storage.sweep(young_seconds=-1) == left
    assert files(moletrail) == stored


def test_run_that_is_interrupted_is_finished_first_and_lets_the_next_one_in(add, moletrail) -> None:
    """Streamlit ends a script from inside on_step with an exception that is no Exception."""

    class Rerun(BaseException):
        pass

    def interrupt(step: str) -> None:
        if step == "saving":
            raise Rerun

    for _ in range(3):
        with pytest.raises(Rerun):
            add(on_step=interrupt)
    assert rows(Visit) == rows(Upload) == 1, "the photo is stored, and stored once"
    assert add().finding is not None


def test_share_of_work_between_threads_loses_nothing(patient, lesion, tiny) -> None:
    failed = []

    def work(number: int) -> None:
        try:
            for day in range(3):
                photos.add_photo(
                    patient, lesion_id=lesion.id, data=photo_bytes(radius=20 + 3 * number + day), taken_on=DAY + timedelta(days=day)
                )
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert (rows(Visit), rows(Upload), rows(Diagnosis)) == (3, 12, 12)
    with reading() as session:
        assert audit.verify(session) is None


# --- before sending ---


def test_date_is_suggested_from_the_camera(moletrail) -> None:
    assert photos.suggested_date(photo_bytes(exif=exif_with_place("2024:03:05 10:20:30"))) == date(2024, 3, 5)
    assert photos.suggested_date(photo_bytes()) is None
    assert photos.suggested_date(b"no photo") is None
    assert photos.suggested_date(photo_bytes(exif=exif_with_place("2999:01:01 00:00:00"))) is None
    assert photos.suggested_date(UNREADABLE["too_many_bytes"]) is None


def test_preview_is_upright_and_small(moletrail) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    assert opened(photos.preview(photo_bytes(size=(1600, 1200), exif=exif))).size == (480, 640)
    assert opened(photos.preview(photo_bytes())).size == (160, 120)
    assert photos.preview(b"no photo") is None


def test_bands_cover_all_probabilities_in_order(tiny) -> None:
    bands = photos.bands()
    assert [band[0] for band in bands] == [0.0, *BANDS.values()]
    assert [band[1] for band in bands] == [*BANDS.values(), 1.0]
    assert [band[2:] for band in bands] == [
        ("benign", "high"),
        ("benign", "medium"),
        ("benign", "low"),
        ("malignant", "low"),
        ("malignant", "medium"),
        ("malignant", "high"),
    ]


def test_a_band_that_nothing_can_lie_in_is_not_drawn(tiny, monkeypatch) -> None:
    details = {"bands": BANDS | {"medium_benign": BANDS["high_benign"]}}
    monkeypatch.setattr(tiny, "classifiers", [SimpleNamespace(card=SimpleNamespace(details=details))], raising=False)
    assert ("benign", "medium") not in [band[2:] for band in photos.bands()]
    assert len(photos.bands()) == 5


def test_missing_networks_are_told_in_a_sentence(moletrail, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("MOLETRAIL_WEIGHTS", str(tmp_path))
    unit_of_work.reset()
    photos.use_analyser(None)
    with pytest.raises(ServiceError, match="Photos cannot be analysed at the moment"):
        photos.warm_up()


# --- handing out ---


@pytest.mark.parametrize(
    ("sent", "size", "shown"),
    [
        ((2000, 1000), "full", (2000, 1000)),
        ((2000, 1000), "large", (1600, 800)),
        ((2000, 1000), "thumb", (320, 320)),
        ((160, 120), "large", (160, 120)),
        ((160, 120), "thumb", (320, 320)),
    ],
)
def test_photo_comes_in_three_sizes(add, patient, sent, size, shown) -> None:
    upload_id = add(photo_bytes(size=sent, radius=40)).photo.id
    picture = opened(photos.photo_file(patient, upload_id=upload_id, size=size))
    assert (picture.format, picture.size) == ("JPEG", shown)


def test_thumbnail_has_the_lesion_in_its_middle(add, patient) -> None:
    upload_id = add(photo_bytes(size=(800, 400), radius=40, shift=250)).photo.id
    thumbnail = np.asarray(opened(photos.photo_file(patient, upload_id=upload_id, size="thumb")))
    assert thumbnail[160, 160].mean() < 100
    assert thumbnail[10, 10].mean() > 150


def test_overlay_outlines_what_each_model_saw(add, patient) -> None:
    upload_id = add(photo_bytes(size=(400, 300), radius=60)).photo.id
    chosen = np.asarray(opened(photos.overlay_file(patient, upload_id=upload_id))).astype(int)
    assert photos.overlay_file(patient, upload_id=upload_id, model="tiny") == photos.overlay_file(patient, upload_id=upload_id)
    other = np.asarray(opened(photos.overlay_file(patient, upload_id=upload_id, model="other"))).astype(int)
    redness = lambda picture, y, x: picture[y, x, 0] - picture[y, x, 1:].mean()  # noqa: E731
    assert redness(chosen, 150, 200) > redness(other, 150, 200)
    assert redness(chosen, 10, 10) < redness(other, 10, 10)


def test_outlines_are_compared_with_an_experts_of_any_size(add, patient) -> None:
    upload_id = add(photo_bytes()).photo.id
    found, *_ = photos.agreement_with(patient, upload_id=upload_id, mask=mask_bytes(size=(320, 240)))
    assert found.dice > 0.9 and found.jaccard == pytest.approx(found.dice / (2 - found.dice))
    worse, *_ = photos.agreement_with(patient, upload_id=upload_id, mask=mask_bytes(radius=12))
    assert worse.dice < found.dice


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (b"no picture", "could not be read"),
        (mask_bytes(size=(120, 160)), "other proportions"),
        (mask_bytes(radius=400), "all of one colour"),
    ],
)
def test_what_cannot_be_an_experts_mask_is_refused_with_a_sentence(add, patient, mask, says) -> None:
    upload_id = add(photo_bytes()).photo.id
    with pytest.raises(ValidationError) as caught:
        photos.agreement_with(patient, upload_id=upload_id, mask=mask)
    assert says in caught.value.fields["mask"] and says in str(caught.value)


def test_heat_map_lies_over_the_photo_and_is_strongest_where_it_says(add, patient) -> None:
    upload_id = add(photo_bytes(size=(400, 300), radius=60)).photo.id
    plain = np.asarray(opened(photos.photo_file(patient, upload_id=upload_id, size="large"))).astype(int)
    heated = np.asarray(opened(photos.heat_map_file(patient, upload_id=upload_id))).astype(int)
    change = np.abs(heated - plain).sum(axis=2)
    assert change[280, 390] > 100 and change[10, 10] < 20


def test_features_are_kept_as_half_floats_and_the_heat_map_as_a_file_that_the_sweep_leaves(add, patient) -> None:
    upload_id = add().photo.id
    with reading() as session:
        diagnosis = session.scalar(select(Diagnosis))
        assert np.frombuffer(diagnosis.features, "<f2").tolist() == [0.5, -1, 2]
        assert f"{diagnosis.heat_map}.png" in storage.referred_files(session)
    storage.sweep(young_seconds=-1)
    assert photos.heat_map_file(patient, upload_id=upload_id)


def test_what_has_no_heat_map_is_not_found(add, patient, tiny) -> None:
    tiny.reasons = ("no_lesion",)
    with pytest.raises(NotFound, match="no heat map"):
        photos.heat_map_file(patient, upload_id=add().photo.id)


def test_what_has_no_outline_is_not_found(add, patient, tiny) -> None:
    tiny.reasons = ("no_lesion",)
    upload_id = add().photo.id
    assert photos.photo_file(patient, upload_id=upload_id, size="thumb")
    for model in (None, "tiny", "../../etc/passwd"):
        with pytest.raises(NotFound, match="no outline"):
            photos.overlay_file(patient, upload_id=upload_id, model=model)


@pytest.mark.parametrize("size", ["huge", "", "../full"])
def test_unknown_size_is_not_found(add, patient, size: str) -> None:
    with pytest.raises(NotFound):
        photos.photo_file(patient, upload_id=add().photo.id, size=size)


def test_pictures_are_made_once_and_made_again_when_the_cache_is_gone(add, patient, moletrail, monkeypatch) -> None:
    upload_id = add().photo.id
    shown = photos.photo_file(patient, upload_id=upload_id, size="thumb")
    with monkeypatch.context() as patched:
        patched.setattr(photos, "_thumbnail", lambda *_: pytest.fail("made twice"))
        assert photos.photo_file(patient, upload_id=upload_id, size="thumb") == shown
    shutil.rmtree(moletrail.cache)
    assert photos.photo_file(patient, upload_id=upload_id, size="thumb") == shown


def test_missing_or_damaged_file_is_told_in_a_sentence(add, patient, moletrail) -> None:
    upload_id = add().photo.id
    (jpeg,) = [path for path in files(moletrail) if path.suffix == ".jpg"]
    jpeg.write_bytes(b"damaged")
    with pytest.raises(StorageFailed, match="damaged"):
        photos.photo_file(patient, upload_id=upload_id, size="thumb")
    jpeg.unlink()
    with pytest.raises(StorageFailed, match="missing on the disk"):
        photos.photo_file(patient, upload_id=upload_id, size="full")


# --- with the real networks ---


def test_real_networks_judge_a_generated_photo(patient, lesion, analyser) -> None:
    shot = photograph(Mole.random(3, kind="benign", skin_tone=2), size=(640, 480))
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=encode(shot), taken_on=DAY)
    assert visit.finding is not None
    assert visit.finding.interval[0] <= visit.finding.malignant_probability <= visit.finding.interval[1]
    assert {"unet", "deeplabv3"} <= set(visit.finding.models)
    assert photos.overlay_file(patient, upload_id=visit.photo.id)
    assert [band[0] for band in photos.bands()] == sorted(band[0] for band in photos.bands())


def test_withdrawn_photo_shows_nowhere_and_the_one_before_it_counts_again(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    first = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    second = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=20), taken_on=date(2024, 6, 1))
    photos.withdraw_photo(patient, upload_id=second.photo.id)
    (listed,) = lesions.list_lesions(patient)
    assert (listed.visit_count, listed.last_visited_on, listed.last_upload_id) == (1, date(2024, 5, 1), first.photo.id)
    assert [visit.id for visit in lesions.timeline(patient, lesion_id=lesion.id).visits] == [first.id]
    for read in (
        lambda: lesions.visit(patient, visit_id=second.id),
        lambda: photos.photo_file(patient, upload_id=second.photo.id, size="full"),
        lambda: photos.overlay_file(patient, upload_id=second.photo.id),
        lambda: photos.withdraw_photo(patient, upload_id=second.photo.id),
    ):
        with pytest.raises(NotFound):
            read()


def test_withdrawn_photo_leaves_the_others_of_its_day_and_comes_back_when_sent_again(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    for radius in (20, 30):
        visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=radius), taken_on=date(2024, 6, 1))
    kept, withdrawn = visit.photos
    photos.withdraw_photo(patient, upload_id=withdrawn.id)
    assert [photo.id for photo in lesions.visit(patient, visit_id=visit.id).photos] == [kept.id]
    again = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=30), taken_on=date(2024, 6, 1))
    assert [photo.id for photo in again.photos] == [kept.id, withdrawn.id]


def test_outline_goes_round_the_lesion(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=30, size=(160, 120)), taken_on=date(2024, 5, 1))
    outline = photos.outline_of(patient, upload_id=visit.photo.id)
    (part,) = outline.parts
    assert (outline.width, outline.height) == (160, 120)
    assert all(abs(((x - 0.5) * 160) ** 2 + ((y - 0.5) * 120) ** 2 - 30**2) < 150 for x, y in part)
    assert 30 < len(part) <= 240
