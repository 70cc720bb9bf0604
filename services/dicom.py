"""Photos as DICOM: VL Photographic Image Storage (PS3.3 A.32.4), with the JPEG as it is stored.

All photos are of this kind. The dermoscopic one asks for what Moletrail is not told: contact, polarisation, the dermoscope.
"""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from PIL import Image, JpegImagePlugin
from pydicom import config
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGBaseline8Bit
from sqlalchemy import Row, select

from db.base import now
from db.models import Lesion, Sex, Upload, User, Visit
from services import audit, body_sites, policy, storage
from services.audit import Action
from services.settings import settings
from services.streamed import Parts
from services.unit_of_work import reading, record_view, transaction
from services.views import Person

VL_PHOTOGRAPHIC = UID("1.2.840.10008.5.1.4.1.1.77.1.4")
IMPLEMENTATION = UID("2.25.327965988406591165468659633391143660567")
"""Names this writer; a UUID of ours (PS3.5 B.2)."""
SEXES = {Sex.FEMALE: "F", Sex.MALE: "M", Sex.OTHER: "O", Sex.UNDISCLOSED: ""}
SIDES = {"left": "L", "right": "R"}
LONGEST = 64
"""Characters of a long string (LO)."""


@dataclass(frozen=True)
class _Shot:
    """What the file says of a photo."""

    upload: Upload
    visit: Visit
    lesion: Lesion
    patient: User


def dicom_file(actor: Person, *, upload_id: int) -> bytes:
    """A photo at its full size: one's own, or of a patient who shares with this doctor."""
    with reading() as session:
        row = session.execute(_photos().where(Upload.id == upload_id)).one_or_none()
        policy.require(session, actor, Action.DOWNLOAD_PHOTO, patient_id=row.Lesion.patient_id if row else None)
        shot = _shot(row)
    record_view(actor, Action.DOWNLOAD_PHOTO, subject=f"upload:{upload_id}", patient_id=shot.patient.id)
    return _file(shot)


def export_zip(actor: Person) -> Iterator[bytes]:
    """All of one's own photos, a folder a mole, in parts as they are made; what is in the bin is left out."""
    with transaction() as session:
        policy.require(session, actor, Action.EXPORT_MY_DATA)
        audit.record(session, actor_id=actor.id, action=Action.EXPORT_MY_DATA, subject=f"user:{actor.id}", patient_id=actor.id)
    with reading() as session:
        rows = session.execute(_photos().where(Lesion.patient_id == actor.id).order_by(Lesion.id, Visit.visited_on, Upload.id))
        shots = [_shot(row) for row in rows]
    return _zip(shots)


def _photos():
    return (
        select(Upload, Visit, Lesion, User)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .join(User, Lesion.patient_id == User.id)
        .where(Upload.deleted_at.is_(None), Lesion.deleted_at.is_(None))
    )


def _shot(row: Row) -> _Shot:
    return _Shot(row.Upload, row.Visit, row.Lesion, row.User)


def _zip(shots: list[_Shot]) -> Iterator[bytes]:
    parts = Parts()
    with zipfile.ZipFile(parts, "w", zipfile.ZIP_STORED) as archive:  # the photos are compressed already
        for shot in shots:
            name = f"mole-{shot.lesion.id}/{shot.visit.visited_on}-{shot.upload.id}.dcm"
            archive.writestr(zipfile.ZipInfo(name, now().timetuple()[:6]), _file(shot))
            yield parts.take()
    yield parts.take()


def _file(shot: _Shot) -> bytes:
    jpeg = storage.read(shot.upload.content_hash, ".jpg")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = VL_PHOTOGRAPHIC, JPEGBaseline8Bit
    meta.MediaStorageSOPInstanceUID = _uid("photo", shot.upload.id, shot.upload.content_hash)
    meta.ImplementationClassUID = IMPLEMENTATION
    made = FileDataset(io.BytesIO(), {}, preamble=b"\0" * 128, file_meta=meta)
    made.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
    made.SOPClassUID, made.SOPInstanceUID = VL_PHOTOGRAPHIC, meta.MediaStorageSOPInstanceUID
    _patient(made, shot.patient)
    _study(made, shot)
    _image(made, shot, jpeg)
    out = io.BytesIO()
    with config.strict_reading():
        made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _patient(made: Dataset, patient: User) -> None:
    made.PatientName = f"{_plain(patient.surname)}^{_plain(patient.first_name)}"
    made.PatientID, made.IssuerOfPatientID = str(patient.id), "Moletrail"
    made.PatientBirthDate, made.PatientSex = _day(patient.birth_date), SEXES[patient.sex]


def _study(made: Dataset, shot: _Shot) -> None:
    """A visit is a study, with one series."""
    taken = _day(shot.visit.visited_on)
    made.StudyInstanceUID, made.SeriesInstanceUID = _uid("visit", shot.visit.id), _uid("series", shot.visit.id)
    made.StudyDate, made.StudyTime = taken, ""
    made.StudyID, made.AccessionNumber, made.ReferringPhysicianName = str(shot.visit.id), "", ""
    made.StudyDescription = "Follow-up of a skin lesion"
    made.Modality, made.SeriesNumber, made.SeriesDate = "XC", "1", taken
    made.SeriesDescription = f"{_plain(shot.lesion.name)}, {body_sites.label(shot.lesion.body_site).lower()}"[:LONGEST]
    made.BodyPartExamined = "SKIN"
    if side := SIDES.get(shot.lesion.body_site.partition("_")[0]):
        made.Laterality = side
    made.Manufacturer = ""  # of the camera: a stored photo no longer says


def _image(made: Dataset, shot: _Shot, jpeg: bytes) -> None:
    upload = shot.upload
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.InstanceNumber, made.PatientOrientation = str(upload.id), ""
    made.AcquisitionContextSequence = []
    if upload.scale_mm_per_pixel:
        error = 196 * (upload.scale_relative_error or 0)
        made.ImageComments = f"A pixel is {upload.scale_mm_per_pixel:.5g} mm, to {error:.2g} % (95 %), by: {upload.scale_source}."
    made.Rows, made.Columns = upload.height, upload.width
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, _colours(jpeg), 0
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.LossyImageCompression, made.LossyImageCompressionMethod = "01", "ISO_10918_1"
    made.LossyImageCompressionRatio = f"{3 * upload.width * upload.height / len(jpeg):.4g}"
    made.PixelData = encapsulate([jpeg])
    made["PixelData"].VR = "OB"


def _colours(jpeg: bytes) -> str:
    """How the JPEG keeps colour (PS3.5 8.2.1)."""
    with Image.open(io.BytesIO(jpeg)) as photo:
        return "YBR_FULL" if JpegImagePlugin.get_sampling(photo) == 0 else "YBR_FULL_422"


def _uid(kind: str, *numbers: object) -> UID:
    """The same for the same thing each time, and of this site alone: a UUID as a decimal number under 2.25."""
    name = "/".join([settings().public_url, kind, *map(str, numbers)])
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, name).int}")


def _day(day: date | datetime | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def _plain(text: str) -> str:
    """Without the characters that part a name or values."""
    return "".join(" " if character in "^=\\" else character for character in text)
