"""What is known of the networks in use: what they learned from, and how well they did on photos that they never saw."""

from __future__ import annotations

from dataclasses import dataclass

from core.runtime import UnusableWeights, read_card
from services.errors import ServiceError
from services.settings import settings


@dataclass(frozen=True)
class Figure:
    """One measured figure with its 95 % interval."""

    name: str
    """E.g. dice, auc, sensitivity."""
    source: str
    """Of which photos."""
    n: int
    value: float
    interval: tuple[float, float] | None
    left_out: bool = False
    """Measured on the network as it was before it learned anything of this source."""


@dataclass(frozen=True)
class AdviceFrom:
    """The probability from which people are advised to have a doctor look, and what that does in one source's calibration part."""

    probability: float
    source: str
    n: int
    sensitivity: float
    specificity: float


@dataclass(frozen=True)
class ModelCard:
    name: str
    title: str
    version: str
    task: str
    """segmentation or classification."""
    learned_from: tuple[str, ...]
    split: str
    licence: str
    caution: str
    malignant_means: str
    """What counts as malignant; empty where the network does not tell that."""
    figures: tuple[Figure, ...]
    advice_from: tuple[AdviceFrom, ...] = ()
    """One for each source with enough photos; none of a network that does not judge, or alone does not count."""
    without_labels: tuple[str, ...] = ()
    """Those of `learned_from` whose photos alone were learned from, not what anybody said of them."""


def model_cards() -> tuple[ModelCard, ...]:
    """The cards of all networks, by name. Raises ServiceError where they cannot be read."""
    try:
        return tuple(_card(read_card(path).details) for path in sorted(settings().weights.glob("*/card.json")))
    except UnusableWeights as error:
        raise ServiceError(f"The model cards cannot be read at the moment. {error}") from error


def _card(details: dict) -> ModelCard:
    data = details.get("data", {})
    return ModelCard(
        name=details["name"],
        title=details.get("title", details["name"]),
        version=details["version"],
        task=details["task"],
        learned_from=tuple(data.get("sources", ())),
        split=data.get("split", ""),
        licence=details.get("licence", ""),
        caution=details.get("caution", ""),
        malignant_means=details.get("malignant_means", ""),
        figures=(
            *(_figure(one) for one in (*details.get("metrics", ()), *details.get("camera", {}).get("metrics", ()))),
            # What the card says of all networks together stands in docs/EVALUATION.md.
            *(
                _figure(one, left_out=True)
                for one in details.get("left_out", {}).get("metrics", ())
                if not {"mask", "networks"} & one.keys()
            ),
        ),
        advice_from=_advice_from(details),
        without_labels=tuple(data.get("without_labels", ())),
    )


def _advice_from(details: dict) -> tuple[AdviceFrom, ...]:
    point = details.get("together", {}).get("operating_point") if details.get("share") else None
    return tuple(
        AdviceFrom(point["threshold"], source, one["n"], one["sensitivity"], one["specificity"])
        for source, one in (point or {}).get("sources", {}).items()
    )


def _figure(one: dict, *, left_out: bool = False) -> Figure:
    interval = tuple(one["interval"]) if one.get("interval") else None
    return Figure(one["figure"], one["source"], one["n"], one["value"], interval, left_out)
