"""One lesion that keeps its identity over visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, get_args

from core.synthetic.noise import require_seed, stream

Kind = Literal["benign", "atypical", "melanoma"]
Pattern = Literal["reticular", "globular", "homogeneous"]

DERMOSCOPE_FIELD_MM = 12.0
"""Shorter side of a dermoscope's nominal frame on the skin."""

_GROWTH = {"benign": (0.98, 1.05), "atypical": (1.0, 1.18), "melanoma": (1.15, 1.45)}
_DIAMETER = {"benign": (0.26, 0.72), "atypical": (0.38, 0.76), "melanoma": (0.45, 0.85)}
_LARGEST_AT_FOURTH_VISIT = 0.95


@dataclass(frozen=True)
class Mole:
    """One lesion and the skin around it: everything that stays the same from visit to visit follows from `seed`.

    Raises ValueError where a field is out of its range.
    """

    seed: int
    kind: Kind = "benign"
    skin_tone: int = 2
    """Fitzpatrick type, 1 (lightest) to 6."""
    diameter_fraction: float = 0.4
    """Diameter of the circle of equal area at visit 0, over the shorter side of a dermoscope's frame (12 mm)."""
    growth: float = 1.0
    """Area at a visit over the area at the visit before."""
    pattern: Pattern = "reticular"

    def __post_init__(self) -> None:
        require_seed(self.seed)
        if self.kind not in get_args(Kind):
            raise ValueError(f"A mole is benign, atypical or melanoma; it was {self.kind!r}.")
        if self.pattern not in get_args(Pattern):
            raise ValueError(f"The pattern of a mole is reticular, globular or homogeneous; it was {self.pattern!r}.")
        if self.skin_tone not in range(1, 7):
            raise ValueError(f"The skin tone is a Fitzpatrick type from 1 to 6; it was {self.skin_tone}.")
        if not 0.02 <= self.diameter_fraction <= 1.5:
            raise ValueError(f"The diameter of a mole is 0.02 to 1.5 of the frame; it was {self.diameter_fraction}.")
        if not 0.5 <= self.growth <= 3:
            raise ValueError(f"The growth of a mole is an area ratio from 0.5 to 3 a visit; it was {self.growth}.")

    @classmethod
    def random(cls, seed: int, kind: Kind | None = None, skin_tone: int | None = None, growth: float | None = None) -> Self:
        """A mole with everything that is not given drawn from `seed`; growth goes with the kind."""
        require_seed(seed)
        rng = stream(seed, "mole")
        kind_drawn = rng.choice(get_args(Kind), p=(0.55, 0.2, 0.25))
        tone_drawn = int(rng.integers(1, 7))
        size, pace = rng.random(2)
        pattern = rng.choice(get_args(Pattern), p=(0.45, 0.25, 0.3))
        kind = kind or str(kind_drawn)
        smallest, largest = _DIAMETER.get(kind, (0.3, 0.5))
        slowest, fastest = _GROWTH.get(kind, (1.0, 1.0))
        growth = round(slowest + (fastest - slowest) * pace, 3) if growth is None else growth
        diameter = min(smallest + (largest - smallest) * size, _LARGEST_AT_FOURTH_VISIT / max(growth, 1) ** 1.5)
        return cls(
            seed=seed,
            kind=kind,
            skin_tone=tone_drawn if skin_tone is None else skin_tone,
            diameter_fraction=round(diameter, 3),
            growth=growth,
            pattern=str(pattern),
        )

    def diameter_mm(self, visit: int = 0) -> float:
        """Diameter of the circle of equal area at `visit`, in mm."""
        return self.diameter_fraction * DERMOSCOPE_FIELD_MM * self.growth ** (visit / 2)

    def progress(self, visit: int = 0) -> float:
        """How far the signs of malignancy (irregular border, new colours) have come at `visit`, 0 to 1."""
        start, step = {"benign": (0.0, 0.0), "atypical": (0.3, 0.05), "melanoma": (0.6, 0.13)}[self.kind]
        return min(1.0, start + step * visit)
