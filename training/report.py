"""The report of `python -m training.evaluate --report`: every figure that is aimed at, beside its target and what was reached before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.analyser import Analyser
from training import hard_cases

REPORT = Path("docs/EVALUATION.md")
HARD_CASES = 60
"""Photos a source that are made hard: each is judged ten times."""
ENOUGH = 100
"""Photos shown "High" from which a source's share of right ones is held to its target."""


EARLIER_HARD_CASES = "Measured before the probability was last fitted, which changes neither Dice nor AUC."

DRAWN = (
    "This time the probability's figures are of no more than {} test photos a source, drawn by name; "
    "masks, and AUCs of more photos, stand as measured before."
)


@dataclass(frozen=True)
class Target:
    """One row. `find` picks its entries: the row holds where all reach `value` (at most, where `at_most`)."""

    figure: str
    earlier: str
    value: float
    find: Callable[[Figures], list[dict] | None]
    at_most: bool = False

    def missed_by(self, entry: dict) -> float:
        """Return how far an entry is from the target; 0 or less where it is held."""
        return round(entry["value"] - self.value if self.at_most else self.value - entry["value"], 4)


class Figures:
    """All entries of the cards and of the hard cases, to pick from; `hard` is None where these were not measured this time."""

    def __init__(self, cards: dict[str, dict], hard: list[dict] | None):
        self.cards, self.hard = cards, hard

    def network(self, name: str, figure: str, source: str) -> list[dict]:
        return _matching(self.cards.get(name, {}).get("metrics", []), figure=figure, source=source)

    def chosen(self, figure: str, source: str, *, left_out: bool = False) -> list[dict]:
        """Figures of the mask that is chosen for a photo."""
        card = self._first("left_out" if left_out else "mask_choice", "segmentation")
        entries = card.get("left_out", {}).get("metrics", []) if left_out else card.get("mask_choice", [])
        return _matching(entries, figure=figure, source=source, mask="chosen")

    def together(self, figure: str, source: str | None = None) -> list[dict]:
        """Figures of the probability that people are shown."""
        entries = self._first("together", "classification").get("together", {}).get("metrics", [])
        return _matching(entries, figure=figure) if source is None else _matching(entries, figure=figure, source=source)

    def alone(self, figure: str, source: str) -> list[dict]:
        """Figures of each classifier that counts, by itself, as it was before it learned from the source."""
        counting = {name: card for name, card in self.cards.items() if card.get("share")}
        return [
            {**one, "source": f"{source}, {name}"}
            for name, card in counting.items()
            for one in _matching(card.get("left_out", {}).get("metrics", []), figure=figure, source=source)
            if "networks" not in one
        ]

    def hard_case(self, figure: str, variant: str) -> list[dict] | None:
        return None if self.hard is None else _matching(self.hard, figure=figure, variant=variant)

    def differences(self, key: str) -> list[dict]:
        found = [(name, card[key]) for name, card in self.cards.items() if key in card]
        return [{"source": name, "n": 12, "value": value, "interval": None} for name, value in found]

    def _first(self, key: str, task: str) -> dict:
        return next((card for card in self.cards.values() if card["task"] == task and key in card), {})


def _matching(entries: Iterable[dict], **wanted: str) -> list[dict]:
    return [one for one in entries if all(one.get(key) == value for key, value in wanted.items())]


TARGETS = (
    Target("Dice, ham10000, chosen mask", "", 0.94, lambda all_: all_.chosen("dice", "ham10000")),
    Target("Dice, ham10000, U-Net", "0.836", 0.925, lambda all_: all_.network("unet", "dice", "ham10000")),
    Target("Dice, ham10000, DeepLabV3", "0.871", 0.935, lambda all_: all_.network("deeplabv3", "dice", "ham10000")),
    Target("Dice, ph2 left out of training", "-", 0.945, lambda all_: all_.chosen("dice", "ph2", left_out=True)),
    Target("Dice, ph2 with its training part in", "-", 0.945, lambda all_: all_.chosen("dice", "ph2")),
    Target("failures (Jaccard < 0.65), ph2 left out", "-", 0.02, lambda all_: all_.chosen("failures", "ph2", left_out=True), True),
    Target("failures (Jaccard < 0.65), ph2 in", "-", 0.02, lambda all_: all_.chosen("failures", "ph2"), True),
    Target("AUC malignant, ham10000", "-", 0.92, lambda all_: all_.together("auc", "ham10000")),
    Target("accuracy, fanconic, unseen photos", "0.936 on its training part", 0.90, lambda all_: all_.together("accuracy", "fanconic")),
    Target("AUC, fanconic, unseen photos", "-", 0.96, lambda all_: all_.together("auc", "fanconic")),
    Target("AUC, ph2 left out", "-", 0.90, lambda all_: all_.alone("auc", "ph2")),
    Target("AUC, ph2 in", "-", 0.93, lambda all_: all_.together("auc", "ph2")),
    Target("AUC, mednode (camera photos) left out", "-", 0.80, lambda all_: all_.alone("auc", "mednode")),
    Target("AUC, mednode in", "-", 0.85, lambda all_: all_.together("auc", "mednode")),
    Target("ECE", "-", 0.05, lambda all_: all_.together("ece"), True),
    Target(
        'right when "High"',
        "-",
        0.95,
        lambda all_: [one for one in all_.together("right_when_high") if one["n"] >= ENOUGH],
    ),
    Target("Dice loss, dark tone (simulated)", "fails", 0.02, lambda all_: all_.hard_case("dice_loss", "dark_tone"), True),
    Target("Dice loss, dark hair", "fails", 0.02, lambda all_: all_.hard_case("dice_loss", "dark_hair"), True),
    Target("Dice loss, light hair", "fails", 0.02, lambda all_: all_.hard_case("dice_loss", "light_hair"), True),
    Target("Dice, lesions of 1 to 3 % of the frame", "fails", 0.85, lambda all_: all_.hard_case("dice", "small"), False),
    Target("exported against trained: probability", "-", 0.005, lambda all_: all_.differences("export_difference"), True),
    Target("exported against trained: Dice of masks", "-", 0.999, lambda all_: all_.differences("export_mask_dice")),
)

NOTES = """\
- Figures are of the untouched test part, split by group; "left out" ones are of all photos of the source, judged by the networks as they
  were before they learned from it. Intervals resample groups.
- All but mednode are dermoscope photos of moles that somebody chose to photograph. A camera photo without dermoscope is another picture:
  see the mednode rows before trusting a figure for it. Photos of one lesion stay on one side of the split.
- The colour that every skin is brought to was chosen among five ways on ph2 and mednode left out: those figures flatter it.
- ph2's experts draw outlines 9 % smaller in area than those of ham10000, from which the masks are learned; see training/EXPERIMENTS.md.
- Nobody is shown "High" on a photo that counts as taken without a dermoscope (`counted_as_camera_photo`); that fit knows one source.
- Simulated dark tone is no evidence for real dark skin: it keeps the lesions of light skin.
- Of melanoma10k neither labels are learned nor figures told: its two classes come from different collections.
"""


def hard_case_entries(weights: Path, folder: Path, say: Callable[[str], None], limit: int | None = None) -> list[dict]:
    """Judge hard cases (training.hard_cases): at most HARD_CASES photos of each source are made hard, or `limit` where that is fewer."""
    most = min(limit or HARD_CASES, HARD_CASES)
    return hard_cases.measure(Analyser.load(weights), folder, most, say, limit)


def write(cards: dict[str, dict], hard: list[dict] | None, figures: str, path: Path = REPORT) -> None:
    """Write the report: targets, what the probability means, hard cases, and all figures (`figures`, a Markdown table).

    Where `hard` is None what the report there says of hard cases stays.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = [line for line in before.partition("## Hard cases\n")[2].partition("\n## ")[0].splitlines() if line.startswith("|")]
    measured_before = "\n".join([EARLIER_HARD_CASES, "", *kept]) if kept else "Not measured."
    sections = [
        "# Evaluation",
        "Written by `python -m training.evaluate --all --report --data DIR`; the cards in weights/ hold the same figures.",
        NOTES,
        "## Targets",
        target_table(Figures(cards, hard), before),
        "## The probability",
        probability_section(cards),
        "## Hard cases",
        hard_cases.table(hard) if hard else measured_before,
        "## All figures",
        figures,
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(section.strip() for section in sections) + "\n", encoding="utf-8")


def target_table(figures: Figures, before: str = "") -> str:
    """Return one line for each entry of each target: n, value, interval, target, and whether it is held.

    Targets that were not measured this time keep their lines of the report `before`.
    """
    lines = ["| figure | source | earlier systems | n | value | 95 % interval | target | |", "| --- " * 8 + "|"]
    for target in TARGETS:
        limit = f"{'≤' if target.at_most else '≥'} {target.value:g}"
        found = target.find(figures)
        if found is None:
            lines += [line for line in before.splitlines() if line.startswith(f"| {target.figure} |")]
            continue
        for one in found or [None]:
            if one is None:
                lines.append(f"| {target.figure} | | {target.earlier} | | | | {limit} | not measured |")
                continue
            missed = target.missed_by(one)
            verdict = "held" if missed <= 0 else f"missed by {missed:.4f}"
            if "perfect" in one:
                verdict += "; perfect calibration of as many: {:.3f} on average, up to {:.3f} in 95 %".format(*one["perfect"])
            interval = "{:.3f} to {:.3f}".format(*one["interval"]) if one["interval"] else ""
            lines.append(
                f"| {target.figure} | {one.get('source', 'ham10000, ph2')} | {target.earlier} | {one['n']} | "
                f"{one['value']:.4f} | {interval} | {limit} | {verdict} |"
            )
    return "\n".join(lines)


def probability_section(cards: dict[str, dict]) -> str:
    """Say what p assumes, where advice begins, and how probabilities and outcomes agree."""
    card = next((card for card in cards.values() if "together" in card), None)
    if card is None:
        return "Not measured."
    part, point = card["calibration_part"], card["together"]["operating_point"]
    shares = ", ".join(f"{name} {one['share']:g}" for name, one in cards.items() if "share" in one)
    counts = ", ".join(f"{n} {source}" for source, n in part["n"].items())
    prevalences = ", ".join(f"{share:.0%} in {source}" for source, share in part["malignant_shares"].items())
    found = " and ".join(
        f"{one['sensitivity']:.1%} in {source} (n = {one['n']}) at a specificity of {one['specificity']:.1%}"
        for source, one in point["sources"].items()
    )
    text = [
        f"Calibrated on {sum(part['n'].values())} photos used for nothing else ({counts}), every source counting the same and a small one "
        f"by its photos. p assumes that {part['malignant_share']:.0%} of the photos show a malignant lesion ({prevalences}): where fewer "
        f"do, it says too much. The networks' calibrated logits add up with the shares {shares}.",
        f"Operating point for advice: p ≥ {point['threshold']:.3f} finds, of the malignant lesions of the calibration and validation "
        f"parts, {found}; `sensitivity_at_point` and `specificity_at_point` below are of the test parts.",
        *([DRAWN.format(card["together"]["drawn"])] if card["together"].get("drawn") else []),
        "| source | probability | malignant | n |\n| --- | --- | --- | --- |\n"
        + "\n".join(
            f"| {source} | {bin_['probability']:.3f} | {bin_['malignant_share']:.3f} | {bin_['n']} |"
            for source, bins in card["together"]["reliability"].items()
            for bin_ in bins
        ),
    ]
    return "\n\n".join(text)
