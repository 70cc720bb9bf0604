"""Fit the photo gate and export it to weights/gate: `python -m training.gate --data DIR`.

The encoder is the MobileNetV2 that learned from everyday photos (Apache-2.0), as it is: its features tell skin from other things
without having been bent to skin alone. Behind it are fitted, in closed form or by Newton's method, a distance from the lesion photos
(Mahalanobis in the space of their principal components, and what lies outside that space) and a logistic model of "this is skin".
All of it is exported as one network. Fitted on the training part; thresholds from the validation and calibration parts; figures from
the test part. What is not skin: natural photos, and generated pictures of the kinds of core.synthetic.refused. To say what the gate
does with kinds that it has never seen, it is also fitted without each kind, and without all natural photos.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import onnx
import torch
from torch import nn

from core.gate import quality
from core.preprocess import RGB, frame_for, normalise, resize
from core.runtime import Network, load_network
from core.synthetic import Mole, NotSkin, bare_skin, blur, darken, not_skin, overexpose, photograph
from training.data import Row, read_manifest, read_mask, read_picture
from training.export import WEIGHTS, strip
from training.hard_cases import VARIANTS
from training.logistic import logistic
from training.networks.mobilenet import NORMALISATION, mobilenet_features

LESIONS = ("ham10000", "melanoma10k", "fanconic", "ph2", "mednode")
FRAMES = ((128, 96), (96, 128), (112, 112))
"""Width and height: what kind of thing a photo shows is seen at this size."""
MOST_PHOTOS = {"train": 120, "validation": 40, "calibration": 40, "test": 100}
"""Of a source of lesion photos in a part."""
MOST_VARIANTS = 16
STAGES = (3, 6, 13, 17)
"""Blocks of MobileNetV2 whose channels are averaged over the picture; of the first three the deviation counts as well."""
COMPONENTS = 64
RIDGE = 20.0
MOST_REFUSED = 0.02
"""Share of the lesion photos of any source that a threshold may refuse on the parts where it is chosen (target on others: 0.03)."""
SPOILED = 0.003
"""The same for each of too dark, too bright and blurred, on all parts but the test part."""
LARGEST_DIFFERENCE = 0.02
"""In the logit, between what was fitted and what was exported."""


class Encoder(nn.Module):
    """MobileNetV2's channels averaged over the picture, and the picture's own colours: B x 3 x H x W -> B x C."""

    def __init__(self, backbones: Path):
        super().__init__()
        self.blocks = mobilenet_features(backbones)[: STAGES[-1] + 1]

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        pooled = [batch.mean((2, 3)), batch.std((2, 3)), (batch[:, :2] - batch[:, 1:]).std((2, 3))]
        for index, block in enumerate(self.blocks):
            batch = block(batch)
            if index in STAGES:
                pooled.append(batch.mean((2, 3)))
                if index != STAGES[-1]:
                    pooled.append(batch.std((2, 3)))
        return torch.cat(pooled, 1)


class Fitted(nn.Module):
    """Encoder and fit in one: B x 3 x H x W -> logits of "this is skin" (B) and distances (B)."""

    def __init__(self, encoder: Encoder, fit: Fit):
        super().__init__()
        self.encoder = encoder
        for name in ("mean", "deviation", "axes", "variances", "weights"):
            self.register_buffer(name, torch.from_numpy(np.asarray(getattr(fit, name), np.float32)))
        self.intercept = fit.intercept

    def forward(self, photo: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        standard = ((self.encoder(photo) - self.mean) / self.deviation).clamp(-8, 8)
        inside = standard @ self.axes
        rest = (standard * standard).sum(1) - (inside * inside).sum(1)
        distance = (inside * inside / self.variances).mean(1)
        outside = rest.clamp(min=0) / (standard.shape[1] - COMPONENTS)
        row = torch.cat([standard, torch.log1p(distance)[:, None], torch.log1p(outside)[:, None]], 1)
        return row @ self.weights + self.intercept, distance + outside


@dataclass(frozen=True)
class Fit:
    """Standardisation, principal components of the lesion photos, and the logistic model behind them."""

    mean: np.ndarray
    deviation: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    weights: np.ndarray
    intercept: float

    def distances(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        standard = np.clip((features - self.mean) / self.deviation, -8, 8)
        inside = standard @ self.axes
        rest = (standard**2).sum(1) - (inside**2).sum(1)
        return standard, (inside**2 / self.variances).mean(1), np.maximum(rest, 0) / (standard.shape[1] - COMPONENTS)

    def logits(self, features: np.ndarray) -> np.ndarray:
        standard, distance, outside = self.distances(features)
        return np.column_stack([standard, np.log1p(distance), np.log1p(outside)]) @ self.weights + self.intercept

    def distance(self, features: np.ndarray) -> np.ndarray:
        _, distance, outside = self.distances(features)
        return distance + outside


def fit(skin: np.ndarray, skin_weights: np.ndarray, other: np.ndarray) -> Fit:
    """Fit on features of skin (n x C, weights n) and of what is not (m x C)."""
    share = skin_weights / skin_weights.sum()
    mean = share @ skin
    deviation = np.sqrt(share @ (skin - mean) ** 2) + 0.02
    standard = np.clip((skin - mean) / deviation, -8, 8)
    covariance = (standard * share[:, None]).T @ standard
    values, vectors = np.linalg.eigh(covariance)
    axes, variances = vectors[:, ::-1][:, :COMPONENTS], values[::-1][:COMPONENTS]
    # Shrunk towards their mean: the smallest of many estimated variances are always too small.
    variances = 0.9 * variances + 0.1 * variances.mean()
    blank = Fit(mean, deviation, axes, variances, np.zeros(mean.size + 2), 0.0)
    rows = []
    for some in (skin, other):
        standard, distance, outside = blank.distances(some)
        rows.append(np.column_stack([standard, np.log1p(distance), np.log1p(outside)]))
    weights = np.concatenate([share * len(skin), np.full(len(other), len(skin) / len(other))])
    inputs = np.column_stack([np.concatenate(rows), np.ones(len(weights))])
    ridge = np.append(np.full(inputs.shape[1] - 1, RIDGE), 1e-6)
    coefficients = logistic(inputs, np.concatenate([np.ones(len(skin)), np.zeros(len(other))]), weights, ridge=ridge)
    return Fit(mean, deviation, axes, variances, coefficients[:-1], float(coefficients[-1]))


@dataclass(frozen=True, eq=False)
class Example:
    """One picture: `kind` is its source, or its source and the change made to it, or the kind of generated picture."""

    kind: str
    skin: bool
    part: str
    group: str
    rgb: RGB


def examples(folder: Path) -> Iterator[Example]:
    """Yield the real photos, their hard variants, and generated ones."""
    rows = read_manifest(folder, (*LESIONS, "natural"))
    counts: dict[tuple[str, str], int] = {}
    for row in sorted(rows, key=lambda one: hashlib.sha256(one.image.encode()).digest()):
        key = row.source, row.part
        counts[key] = counts.get(key, 0) + 1
        if row.source == "natural" or counts[key] <= MOST_PHOTOS[row.part]:
            yield from _of_row(folder, row, counts[key])
    yield from _generated()


def _of_row(folder: Path, row: Row, number: int) -> Iterator[Example]:
    rgb = np.ascontiguousarray(read_picture(folder / row.image))
    yield Example(row.source, row.source != "natural", row.part, row.group, rgb)
    if row.source == "mednode" and row.part == "train":
        # Few photos: as if taken from nearer as well.
        height, width = rgb.shape[:2]
        yield Example(row.source, True, row.part, row.group, rgb[height // 8 : -height // 8, width // 8 : -width // 8][:, ::-1])
    elif row.mask and number <= MOST_VARIANTS:
        names = list(VARIANTS)
        for name in {names[number % len(names)], "dark_tone"}:
            changed, _ = VARIANTS[name](rgb, read_mask(folder / row.mask), np.random.default_rng(number))
            yield Example(f"{row.source} {name}", True, row.part, row.group, np.ascontiguousarray(changed))


def _generated() -> Iterator[Example]:
    parts = ("train", "train", "train", "calibration", "test", "test")
    for kind in get_args(NotSkin):
        for seed in range(18):
            yield Example(kind, False, parts[seed % 6], f"{kind} {seed}", not_skin(kind, (256, 192), seed))
    for seed in range(72):
        look = ("dermoscope", "phone")[seed // 6 % 2]
        shot = photograph(Mole.random(1000 + seed, skin_tone=1 + seed % 6), size=(256, 192), look=look, hair=(seed % 5) / 5)
        yield Example("generated lesion", True, parts[seed // 12], f"mole {seed}", shot.rgb)
    for seed in range(36):
        look = ("dermoscope", "phone")[seed % 2]
        yield Example("bare skin", True, parts[seed // 6], f"skin {seed}", bare_skin(1 + seed % 6, (256, 192), seed, look=look))
    for seed in range(60):
        yield Example("drawn lesion", True, parts[seed // 5 % 6], f"drawn {seed}", _drawn_lesion(seed))


def _drawn_lesion(seed: int) -> RGB:
    """A plain dark ellipse on an even skin colour, as in demonstrations and tests: let in, whatever it is worth."""
    rng = np.random.default_rng(seed)
    skin = np.array(((222, 178, 158), (235, 200, 180), (200, 150, 120), (150, 105, 80), (95, 65, 50))[seed % 5]) + rng.normal(0, 6, 3)
    picture = np.full((240, 320, 3), skin, np.float32)
    axes = rng.uniform(20, 70, 2).astype(int)
    centre = (int(rng.uniform(110, 210)), int(rng.uniform(90, 150)))
    colour = tuple(skin * rng.uniform(0.35, 0.6))
    cv2.ellipse(picture, centre, tuple(int(one) for one in axes), rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1, 2))
    grain = cv2.resize(rng.normal(0, rng.choice((0, 3, 8)), (48, 64)).astype(np.float32), (320, 240))
    return np.clip(picture + grain[..., None], 0, 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Table:
    """All examples as numbers, one row each."""

    kinds: np.ndarray
    skin: np.ndarray
    parts: np.ndarray
    groups: np.ndarray
    features: np.ndarray
    quality: np.ndarray
    """One column a name of `QUALITY`."""
    spoiled: np.ndarray
    """The same columns of the photo out of focus, too dark and too bright: n x 3 x columns; NaN where it was not spoiled."""


QUALITY = ("brightness", "clipped", "sharpness", "hair", "glare", "ink")
SPOILERS = {"blurred": lambda rgb: blur(rgb, 0.8), "too_dark": lambda rgb: darken(rgb, 0.7), "too_bright": lambda rgb: overexpose(rgb, 0.8)}


def tabulate(folder: Path, encoder: Encoder, say) -> Table:
    """Run the encoder over all examples."""
    columns: dict[str, list] = {name: [] for name in ("kinds", "skin", "parts", "groups", "features", "quality", "spoiled")}
    for number, one in enumerate(examples(folder), 1):
        small = resize(one.rgb, *frame_for(one.rgb.shape[1], one.rgb.shape[0], FRAMES))
        with torch.inference_mode():
            features = encoder(torch.from_numpy(normalise(small[None], NORMALISATION)))[0].numpy()
        spoiled = np.full((len(SPOILERS), len(QUALITY)), np.nan)
        if one.kind in LESIONS and one.part == "test" and number % 6 == 0:
            spoiled = np.array([[quality(spoil(one.rgb))[name] for name in QUALITY] for spoil in SPOILERS.values()])
        values = (one.kind, one.skin, one.part, one.group, features, [quality(one.rgb)[name] for name in QUALITY], spoiled)
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
        if number % 500 == 0:
            say(f"{number} pictures seen")
    return Table(**{name: np.array(column) for name, column in columns.items()})


def fit_on(table: Table, training: np.ndarray) -> Fit:
    """Fit on the rows that `training` picks; every kind of skin photo counts the same in the end, however many there are of it."""
    skin, other = training & table.skin, training & ~table.skin
    _, index, counts = np.unique(table.kinds[skin], return_inverse=True, return_counts=True)
    # The square root lies between counting photos and counting kinds.
    return fit(table.features[skin].astype(np.float64), (1 / np.sqrt(counts))[index], table.features[other].astype(np.float64))


def choose_thresholds(table: Table, logits: np.ndarray, distances: np.ndarray) -> dict[str, float]:
    """Choose on the parts that were not learned from, so that no source of lesion photos loses more than MOST_REFUSED."""
    held = np.isin(table.parts, ("validation", "calibration"))
    sources = [held & (table.kinds == source) for source in LESIONS]
    others = logits[held & ~table.skin]
    lowest = min(float(np.quantile(logits[some], MOST_REFUSED)) for some in sources if some.any())
    highest = float(np.quantile(others, 0.995))
    # Where they lie apart, a quarter of the gap is left to lesion photos of sources that are not here.
    found = {"skin_logit": lowest - 0.25 * max(0.0, lowest - highest)}
    every = [held & (table.kinds == kind) for kind in np.unique(table.kinds[table.skin])]
    found["distance"] = max(float(np.quantile(distances[some], 0.97)) for some in every if some.any())
    columns = {name: table.quality[:, index] for index, name in enumerate(QUALITY)}
    # Nothing was fitted on light and focus, so the training part counts as well.
    seen = table.parts != "test"
    lesions = seen & np.isin(table.kinds, LESIONS)
    sources = [seen & (table.kinds == source) for source in (*LESIONS, "generated lesion", "drawn lesion")]
    dark = seen & np.char.endswith(table.kinds, "dark_tone")
    for name in ("brightness", "sharpness"):
        groups = [*sources, dark] if name == "brightness" else sources
        found[name] = min(float(np.quantile(columns[name][some], SPOILED)) for some in groups if some.any())
    found["clipped"] = max(float(np.quantile(columns["clipped"][some], 1 - SPOILED)) for some in sources if some.any())
    for name in ("hair", "glare", "ink"):
        found[name] = float(np.quantile(columns[name][lesions], 0.93 if name == "hair" else 0.98))
    return {name: round(value, 5) for name, value in found.items()}


def refused(table: Table, logits: np.ndarray, thresholds: dict[str, float]) -> np.ndarray:
    """Tell which pictures the gate refuses, as core.gate does."""
    return (logits < thresholds["skin_logit"]) | _spoilt(table.quality, thresholds)


def _spoilt(values: np.ndarray, thresholds: dict[str, float]) -> np.ndarray:
    column = {name: values[..., index] for index, name in enumerate(QUALITY)}
    low = [column[name] < thresholds[name] for name in ("brightness", "sharpness")]
    return low[0] | low[1] | (column["clipped"] > thresholds["clipped"])


def share(figure: str, source: str, hits: np.ndarray) -> dict:
    """Return one entry of the card's metrics with Wilson's 95 % interval, which holds for few and for none."""
    count, value, z2 = len(hits), float(hits.mean()), 1.96**2
    middle, reach = value + z2 / (2 * count), 1.96 * np.sqrt(value * (1 - value) / count + z2 / (4 * count**2))
    interval = [round(max(0.0, float((middle + sign * reach) / (1 + z2 / count))), 4) for sign in (-1, 1)]
    return {"figure": figure, "source": source, "n": count, "value": round(value, 4), "interval": interval}


def figures(table: Table, found: Fit, thresholds: dict[str, float], say) -> list[dict]:
    """Return what the gate refuses of the test part, and of kinds and sources that the fit never saw."""
    test, training = table.parts == "test", table.parts == "train"
    gone = refused(table, found.logits(table.features), thresholds)
    entries = [share("refused", kind, gone[test & (table.kinds == kind)]) for kind in np.unique(table.kinds[test])]
    left_out = [("natural", ~np.isin(table.kinds, ("natural",)))]
    left_out += [(kind, table.kinds != kind) for kind in (*get_args(NotSkin), "mednode", "ph2")]
    for kind, others in left_out:
        other_fit = fit_on(table, training & others)
        gone = refused(table, other_fit.logits(table.features), thresholds)
        entries.append(share("refused, kind not fitted", kind, gone[table.kinds == kind]))
        say(f"without {kind}: {entries[-1]['value']:.3f} refused")
    for index, name in enumerate(SPOILERS):
        seen = table.spoiled[:, index][~np.isnan(table.spoiled[:, index, 0])]
        entries.append(share("refused, spoiled", name, _spoilt(seen, thresholds)))
    return entries


def trade_off(table: Table, logits: np.ndarray) -> list[dict[str, float]]:
    """Return, for thresholds of the skin logit, which share is refused of the test part's natural and of each source's lesion photos."""
    test = table.parts == "test"
    groups = {source: logits[test & (table.kinds == source)] for source in ("natural", *LESIONS)}
    return [
        {"skin_logit": float(edge)} | {source: round(float((values < edge).mean()), 4) for source, values in groups.items() if values.size}
        for edge in np.arange(-6, 6.5, 0.5)
    ]


def export(encoder: Encoder, found: Fit, card: dict, folder: Path) -> None:
    """Write gate.onnx and card.json, which holds its sha256."""
    network = Fitted(encoder, found).eval().requires_grad_(False)
    path = folder / "gate.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(2, 3, FRAMES[0][1], FRAMES[0][0])
    torch.onnx.export(
        network,
        (example,),
        str(path),
        input_names=["photo"],
        output_names=["skin_logit", "distance"],
        dynamic_axes={"photo": {0: "batch", 2: "height", 3: "width"}, "skin_logit": {0: "batch"}, "distance": {0: "batch"}},
        opset_version=18,
        dynamo=False,  # A plain chain of layers: tracing gives the same network in a fiftieth of the time.
    )
    model = onnx.load(path)
    strip(model)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    answers = json.dumps([card["sha256"], card["thresholds"]], sort_keys=True)
    card["version"] = "1." + hashlib.sha256(answers.encode()).hexdigest()[:8]
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def build(folder: Path, *, backbones: Path, weights: Path = WEIGHTS, say=lambda line: print(line, flush=True)) -> dict:
    """Fit, measure and export; returns the card."""
    encoder = Encoder(backbones).eval()
    table = tabulate(folder, encoder, say)
    found = fit_on(table, table.parts == "train")
    logits, distances = found.logits(table.features), found.distance(table.features)
    thresholds = choose_thresholds(table, logits, distances)
    card = {
        "name": "gate",
        "title": "Photo gate",
        "version": "",
        "task": "gate",
        "sha256": "",
        "data": {"sources": [*LESIONS, "natural"], "split": "by group, sha256 of the group's name: 70/8/7/15 %"},
        "licence": (
            "MobileNetV2 weights of ImageNet (Apache-2.0); what is fitted behind them was learned from non-commercial research "
            "photographs, for non-commercial use only."
        ),
        "caution": "Generated pictures stand for what is not skin, beside 500 natural photos: other things may pass.",
        "input": {
            "normalisation": NORMALISATION,
            "frames": [{"width": width, "height": height} for width, height in FRAMES],
        },
        "thresholds": thresholds,
        "metrics": figures(table, found, thresholds, say),
        "trade_off": trade_off(table, logits),
    }
    export(encoder, found, card, weights / "gate")
    difference = _difference(load_network(weights / "gate"), encoder, found)
    if difference > LARGEST_DIFFERENCE:
        raise ValueError(f"The exported gate differs by {difference:.4f} in its logit.")
    return card


def _difference(exported: Network, encoder: Encoder, found: Fit) -> float:
    pictures = [not_skin("food", FRAMES[0], 1), photograph(Mole(seed=1), size=FRAMES[2]).rgb]
    differences = []
    for picture in pictures:
        batch = normalise(picture[None], NORMALISATION)
        with torch.inference_mode():
            expected = found.logits(encoder(torch.from_numpy(batch)).numpy())
        differences.append(float(np.abs(exported(batch)[0] - expected).max()))
    return max(differences)


def table_of(card: dict) -> str:
    """All figures as a Markdown table."""
    lines = ["| figure | of | n | value | 95 % interval |", "| --- | --- | --- | --- | --- |"]
    for one in card["metrics"]:
        low, high = one["interval"]
        lines.append(f"| {one['figure']} | {one['source']} | {one['n']} | {one['value']:.3f} | {low:.3f} to {high:.3f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.gate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--backbones", type=Path, default=Path("../shared/backbones"), help="folder of pretrained encoders")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder to write gate/ into")
    options = parser.parse_args()
    print(table_of(build(options.data, backbones=options.backbones, weights=options.weights)))


if __name__ == "__main__":
    main()
