"""Exported networks and their cards, run by ONNX Runtime.

Why not OpenVINO (benchmarks/runtime.py, same run, time relative to ONNX Runtime): at float32 it takes 0.80 to 0.89 of the time,
which is some 20 ms of a photo, for 180 MB more to install. It wins clearly, 0.44 to 0.50, only at bf16, and there DeepLabV3's
probabilities move by up to 0.16, where an exported network may differ from the trained one by 0.005.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

THREADS = max(1, min(4, os.cpu_count() or 1))
"""Bound on the threads of one network: more gain little on pictures this small and starve the other people's pages."""


GATE = "gate"
"""Folder of the photo gate, which neither outlines nor classifies."""


class UnusableWeights(RuntimeError):
    """A network or its card is missing or damaged; the message names the file."""


@dataclass(frozen=True)
class Card:
    """What is known of an exported network: see card.json beside it."""

    name: str
    version: str
    task: str
    """segmentation or classification"""
    details: dict[str, Any]
    """The whole card."""


class Network:
    """An exported network. Safe to share between threads: a run keeps nothing."""

    def __init__(self, card: Card, session: onnxruntime.InferenceSession):
        self.card = card
        self._session = session

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run a B x 3 x H x W batch; returns the outputs that the card names, in its order."""
        return self._session.run(None, {"photo": batch})


def load_networks(folder: str | Path) -> dict[str, Network]:
    """Load every network folder of `folder` that has a card, by name, but the gate's. Raises UnusableWeights."""
    folder = Path(folder)
    cards = sorted(folder.glob("*/card.json"))
    if not cards:
        raise UnusableWeights(f"{folder} holds no network: no card.json was found in its folders.")
    networks = (load_network(card.parent) for card in cards if card.parent.name != GATE)
    return {network.card.name: network for network in networks}


def load_gate(folder: str | Path) -> Network | None:
    """Load the photo gate of `folder`; None where there is none. Raises UnusableWeights."""
    place = Path(folder) / GATE
    return load_network(place) if (place / "card.json").exists() else None


def load_network(folder: Path) -> Network:
    """Load one network after checking it against the sha256 in its card. Raises UnusableWeights."""
    card = read_card(folder / "card.json")
    path = folder / f"{card.name}.onnx"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableWeights(f"{path} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(data).hexdigest() != card.details.get("sha256"):
        raise UnusableWeights(f"{path} is damaged or was replaced: its sha256 is not the one in card.json.")
    try:
        return Network(card, onnxruntime.InferenceSession(data, _options(), providers=["CPUExecutionProvider"]))
    except Exception as error:  # The runtime raises its own types, one for each way in which a file can be wrong.
        raise UnusableWeights(f"{path} is no network that can be run: {error}") from error


def read_card(path: Path) -> Card:
    """Read a card.json. Raises UnusableWeights."""
    try:
        details = json.loads(path.read_text(encoding="utf-8"))
        return Card(details["name"], details["version"], details["task"], details)
    except OSError as error:
        raise UnusableWeights(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableWeights(f"{path} is damaged: {error!r}.") from error


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    # Idle threads would otherwise spin on the cores that draw the pages.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options
