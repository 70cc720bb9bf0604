"""What training asks of each task: a random batch with its loss, and a score on the validation part."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from core.classification import mirrored_crops
from core.preprocess import (
    FRAMES,
    RGB,
    Square,
    crop,
    frame_for,
    lesion_square,
    normalise,
    resize,
    skin_colour,
    whole_photo,
    with_skin,
)
from core.runtime import THREADS, Network, load_network, read_card
from core.segmentation import segment
from training import augment
from training.data import CLASSES, Pictures, Row, read_manifest
from training.metrics import auc, dice
from training.recipe import Cycle, Recipe

CLOSE_UPS = 0.1
"""Share of the segmentation pictures that show a corner of the photo from close by, mostly bare skin: not every photo has a lesion."""
ROUND = 0.5
"""Share of those bare ones that fill the round field of a dermoscope: its dark edge alone makes no lesion of the skin within."""
SMALL = 0.1
"""Share that shows the whole photo small on the skin of its own corner: lesions of 1 to 3 % of the frame."""
WHOLE_PHOTO = 0.25
"""Share of the classifier's pictures that are the whole photo rather than the lesion with some skin around it."""
CONTEXTS = (1.15, 3.0)
"""Narrowest and widest crop to learn from, in lesion extents."""
ASKED_CONTEXTS = (1.3, 1.8, 2.6)
"""Widths of the crops that a classifier is asked in, in lesion extents."""
TEACHER_SHARE = 0.5
"""Of the loss of a labelled picture, where a teacher's answers are learned from beside the labels."""


class Segmentation:
    """Lesion against skin, on pictures that have an expert's mask. Dice + cross-entropy."""

    def __init__(self, recipe: Recipe, cycle: Cycle, folder: Path, cache: Path, normalisation: str):
        self.normalisation, self.smoothed = normalisation, cycle.smoothed
        rows = [row for row in read_manifest(folder, cycle.sources) if row.mask]
        self.train_rows = [row for row in rows if row.part == "train"]
        self.train = Pictures(folder, self.train_rows, cache)
        self.validation = Pictures(folder, [row for row in rows if row.part == "validation"], cache)
        self.weights = balance(self.train_rows)

    def batch(
        self, rng: np.random.Generator, indices: np.ndarray, strength: float = 1.0, scale: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 network input B x 3 x H x W and target B x 1 x H x W of one random frame, its sides times `scale`."""
        width, height = (16 * round(side * scale / 16) for side in FRAMES[rng.choice(len(FRAMES), p=(0.5, 0.25, 0.25))])
        pictures, targets = [], []
        for index in indices:
            rgb, mask = self.train.pictures[index], self.train.masks[index]
            tall, wide = rgb.shape[:2]
            centre, side = (wide / 2, tall / 2), max(wide, tall)
            close_up = rng.random() < CLOSE_UPS
            if close_up:
                corner = rng.choice((0.12, 0.88), 2) + rng.uniform(-0.12, 0.12, 2)
                centre, side = (wide * corner[0], tall * corner[1]), 0.3 * side
            if rng.random() < SMALL:
                rgb, mask = augment.shrink(rng, rgb, mask, (width, height))
            else:
                zooms = (0.6**strength, 1.6**strength)
                matrix = augment.random_affine(rng, centre, side, (width, height), zooms, 0.12 * strength)
                rgb, mask = augment.warp(rng, rgb, mask, matrix, (width, height))
                if close_up and not mask.any() and rng.random() < ROUND:
                    rgb = augment.darken_corners(rng, rgb, narrowest=0.4)
            if rng.random() < self.smoothed:
                rgb = augment.smooth_away(rng, rgb, mask)
            pictures.append(augment.spoil(rng, augment.change_colour(rng, rgb, strength), strength))
            targets.append(mask)
        return normalise(np.stack(pictures), self.normalisation), np.stack(targets)[:, None].astype(np.float32) / 255

    @staticmethod
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = outputs.float()
        entropy = functional.binary_cross_entropy_with_logits(logits, targets)
        lesion = torch.sigmoid(logits)
        overlap = (lesion * targets).sum((1, 2, 3))
        soft_dice = (2 * overlap + 1) / (lesion.sum((1, 2, 3)) + targets.sum((1, 2, 3)) + 1)
        return entropy + (1 - soft_dice).mean()

    def score(self, network: nn.Module, device: torch.device, limit: int) -> float:
        """Return the mean Dice on up to `limit` validation pictures at their own size, before morphology."""
        scores = []
        for rgb, mask in list(zip(self.validation.pictures, self.validation.masks, strict=True))[:limit]:
            frame = frame_for(rgb.shape[1], rgb.shape[0])
            batch = torch.from_numpy(normalise(resize(rgb, *frame)[None], self.normalisation)).to(device)
            lesion = torch.sigmoid(network(batch).float())[0, 0].cpu().numpy()
            scores.append(dice(resize(lesion, rgb.shape[1], rgb.shape[0]) > 0.5, mask > 127))
        return float(np.mean(scores))


class Classification:
    """Malignant against benign, and the seven classes, on the lesion crop and on the whole photo. Cross-entropy of both."""

    def __init__(self, recipe: Recipe, cycle: Cycle, folder: Path, cache: Path, normalisation: str):
        self.normalisation, self.size, self.skin = normalisation, recipe.size, recipe.skin
        rows = [row for row in read_manifest(folder, cycle.sources) if row.malignant is not None]
        untold = [replace(row, malignant=None, class_name=None) for row in read_manifest(folder, cycle.unlabelled)]
        self.train_rows = [row for row in rows + untold if row.part == "train"]
        self.validation_rows = [row for row in rows if row.part == "validation"]
        self.train = Pictures(folder, self.train_rows, cache)
        self.validation = Pictures(folder, self.validation_rows, cache)
        self.train_extents, self.train_skins = extents(self.train)
        self.validation_extents, self.validation_skins = extents(self.validation)
        self.weights = balance(self.train_rows)
        self.answers: np.ndarray | None = None

    def learn_from(self, teacher: nn.Module, size: int, file: Path) -> None:
        """Let batches carry a trained classifier's answers beside the labels: its mean logits over the crops that it is asked in
        when it serves, `size` pixels wide, of the pictures as they are (noisy student, Xie et al., 2020,
        https://arxiv.org/abs/1911.04252). They are kept in `file`.
        """
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(".partial.npy")
            np.save(partial, [self._asked(teacher, size, index) for index in range(len(self.train_rows))])
            partial.replace(file)
        self.answers = np.load(file)

    @torch.inference_mode()
    def _asked(self, teacher: nn.Module, size: int, index: int) -> np.ndarray:
        rgb, extent = self._picture(index), self.train_extents[index]
        squares = [*(widened(extent, context, rgb) for context in ASKED_CONTEXTS), whole_photo(rgb)]
        views = mirrored_crops(rgb, squares, size, teacher.normalisation)
        malignant, classes = teacher(torch.from_numpy(views).to(next(teacher.parameters()).device))[:2]
        return np.array([malignant.mean().cpu(), *classes.mean(dim=0).cpu()], np.float32)

    def _picture(self, index: int) -> RGB:
        """Return a training picture, its skin at the recipe's colour."""
        rgb = self.train.pictures[index]
        return with_skin(rgb, self.train_skins[index], self.skin) if self.skin else rgb

    def batch(
        self, rng: np.random.Generator, indices: np.ndarray, strength: float = 1.0, scale: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 network input B x 3 x S x S and targets: malignant (0 or 1, NaN where nobody said), class (-1 where
        unknown), and with a teacher its eight logits.
        """
        pictures, targets = [], []
        side = 16 * round(self.size * scale / 16)
        for index in indices:
            rgb, row, extent = self._picture(index), self.train_rows[index], self.train_extents[index]
            context = np.exp(rng.uniform(*np.log(CONTEXTS)))
            square = whole_photo(rgb) if rng.random() < WHOLE_PHOTO else widened(extent, context, rgb)
            zooms = (0.8**strength, 1.25**strength)
            matrix = augment.random_affine(rng, (square.centre_x, square.centre_y), square.side, (side, side), zooms, 0.08 * strength)
            rgb, _ = augment.warp(rng, rgb, None, matrix, (side, side))
            pictures.append(augment.spoil(rng, augment.change_colour(rng, rgb, strength), strength))
            targets.append((np.nan if row.malignant is None else row.malignant, CLASSES.index(row.class_name) if row.class_name else -1))
        targets = np.array(targets, np.float32)
        if self.answers is not None:
            targets = np.column_stack([targets, self.answers[indices]])
        return normalise(np.stack(pictures), self.normalisation), targets

    @staticmethod
    def loss(outputs: tuple[torch.Tensor, ...], targets: torch.Tensor) -> torch.Tensor:
        malignant, classes = (output.float() for output in outputs[:2])
        told = ~torch.isnan(targets[:, 0])
        entropy = functional.binary_cross_entropy_with_logits(malignant, targets[:, 0].nan_to_num(), reduction="none")
        loss = entropy + 0.5 * functional.cross_entropy(classes, targets[:, 1].long(), ignore_index=-1, reduction="none")
        if targets.shape[1] == 2:
            return loss[told].mean()
        taught = functional.binary_cross_entropy_with_logits(malignant, torch.sigmoid(targets[:, 2]), reduction="none")
        taught = taught + 0.5 * functional.cross_entropy(classes, torch.softmax(targets[:, 3:], dim=1), reduction="none")
        return torch.where(told, (1 - TEACHER_SHARE) * loss + TEACHER_SHARE * taught, taught).mean()

    def score(self, network: nn.Module, device: torch.device, limit: int) -> float:
        """Return the AUC of malignancy on `limit` validation pictures from all over the list, at one width."""
        some = np.linspace(0, len(self.validation_rows) - 1, min(limit, len(self.validation_rows))).astype(int)
        logits = []
        for index in some:
            rgb = self.validation.pictures[index]
            if self.skin:
                rgb = with_skin(rgb, self.validation_skins[index], self.skin)
            square = widened(self.validation_extents[index], 1.6, rgb)
            batch = torch.from_numpy(normalise(crop(rgb, square, self.size)[None], self.normalisation)).to(device)
            logits.append(float(network(batch)[0]))
        return auc(np.array([self.validation_rows[index].malignant for index in some]), np.array(logits))


def widened(extent: Square, context: float, rgb: RGB) -> Square:
    """Return the crop of `context` lesion extents, at most as wide as the photo's longer side."""
    return Square(extent.centre_x, extent.centre_y, min(extent.side * context, max(rgb.shape[:2])))


def extents(pictures: Pictures, weights: Path = Path("weights")) -> tuple[list[Square], list[np.ndarray | None]]:
    """Return the square around each picture's lesion and the skin's colour, None where no skin is seen: by the expert's mask, else
    by what a network of `weights` finds.

    Where neither is at hand the square is the picture's middle, and what is around it counts as skin.
    """
    if not pictures.lesions_file.exists():
        segmenter = _segmenter(weights)
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(lambda one: _extent(*one, segmenter), pictures))
        np.save(pictures.lesions_file, np.array([(box.centre_x, box.centre_y, box.side, *skin) for box, skin in found]))
    rows = np.load(pictures.lesions_file)
    return [Square(*row[:3]) for row in rows], [None if np.isnan(row[3:]).any() else row[3:] for row in rows]


def _segmenter(weights: Path) -> Network | None:
    found = sorted(weights.glob("*/card.json"))
    networks = [load_network(card.parent) for card in found if read_card(card).task == "segmentation"]
    return networks[0] if networks else None


def _extent(rgb: RGB, mask: np.ndarray | None, segmenter: Network | None) -> tuple[Square, np.ndarray]:
    """Return the square and the skin's colour, three NaN where there is no skin."""
    if mask is not None:
        lesion = mask > 127
    else:
        lesion = segment(segmenter, rgb).mask if segmenter else np.zeros(rgb.shape[:2], bool)
    skin = skin_colour(rgb, lesion)
    return lesion_square(lesion, 1.0), np.full(3, np.nan) if skin is None else skin


def balance(rows: list[Row]) -> np.ndarray:
    """Return sampling weights that even out sources by the square root of their counts.

    Within a source malignant lesions keep their share: the logit then already says how likely malignancy is there.
    """
    counts = Counter(row.source for row in rows)
    return np.array([counts[row.source] ** -0.5 for row in rows])


TASKS = {"segmentation": Segmentation, "classification": Classification}
