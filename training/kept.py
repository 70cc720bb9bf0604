"""What exported networks answered to photos, kept under runs/: a stopped evaluation goes on, and a further one runs only new networks."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np

from core.runtime import Network

Answer = dict[str, np.ndarray]


class Kept:
    """Answers by photo, for certain networks and the code that asks them: other networks or changed code keep answers of their own.

    Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None, networks: dict[str, Network], code: tuple[ModuleType | FunctionType, ...]):
        parts = [f"{name} {network.card.details['sha256']} {network.card.details['input']}" for name, network in networks.items()]
        key = hashlib.sha256("\n".join([*parts, *map(inspect.getsource, code)]).encode()).hexdigest()[:16]
        self._folder = folder and folder / key
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, photo: str, ask: Callable[[], Answer]) -> Answer:
        """Return the answer to a photo: as kept, or by asking, which is then kept."""
        if self._folder is None:
            return ask()
        path = self._folder / f"{hashlib.sha256(photo.encode()).hexdigest()[:24]}.npz"
        if path.exists():
            with np.load(path) as file:
                return dict(file)
        answer = ask()
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez_compressed(file, **answer)
        partial.replace(path)
        return answer
