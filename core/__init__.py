"""A photo in, findings out. Runs alone as `python -m core`; knows nothing of storage, accounts or pages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.analyser import Analyser
    from core.analysis import Analysis, Confidence, Diagnosis, Scale
    from core.codes import sentence
    from core.photo import Photo, UnreadablePhoto, read_photo

# Loaded when first asked for: OpenCV and the inference runtime take longer to import than a page to draw.
_HOME = {
    "Analyser": "core.analyser",
    "Analysis": "core.analysis",
    "Confidence": "core.analysis",
    "Diagnosis": "core.analysis",
    "Scale": "core.analysis",
    "sentence": "core.codes",
    "Photo": "core.photo",
    "UnreadablePhoto": "core.photo",
    "read_photo": "core.photo",
}

__all__ = [
    "Analyser",
    "Analysis",
    "Confidence",
    "Diagnosis",
    "Photo",
    "Scale",
    "UnreadablePhoto",
    "read_photo",
    "sentence",
]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
