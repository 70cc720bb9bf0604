"""What training asks of each task: a random batch with its loss, and a score on the validation part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from core.preprocess import FRAMES, Square, crop, frame_for, lesion_square, normalise, resize
from core.runtime import Network, load_network, read_card
from core.segmentation import segment
from training import augment
from training.data import CLASSES, Pictures, Row, read_manifest
from training.metrics import auc, dice
from training.recipe import Recipe

CLOSE_UPS = 0.08
"""Share of the segmentation pictures that show a corner of the photo from close by, mostly bare skin: not every photo has a lesion."""


class Segmentation:
    """Lesion against skin, on pictures that have an expert's mask. Dice + cross-entropy."""

    def __init__(self, recipe: Recipe, folder: Path, cache: Path, normalisation: str):
        self.normalisation = normalisation
        rows = [row for row in read_manifest(folder, recipe.sources) if row.mask]
        self.train_rows = [row for row in rows if row.part == "train"]
        self.train = Pictures(folder, self.train_rows, cache)
        self.validation = Pictures(folder, [row for row in rows if row.part == "validation"], cache)
        self.weights = np.ones(len(self.train))

    def batch(self, rng: np.random.Generator, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 network input B x 3 x H x W and target B x 1 x H x W of one random frame."""
        width, height = FRAMES[rng.choice(len(FRAMES), p=(0.5, 0.25, 0.25))]
        pictures, targets = [], []
        for index in indices:
            rgb, mask = self.train.pictures[index], self.train.masks[index]
            tall, wide = rgb.shape[:2]
            centre, side = (wide / 2, tall / 2), max(wide, tall)
            if rng.random() < CLOSE_UPS:
                corner = rng.choice((0.12, 0.88), 2) + rng.uniform(-0.12, 0.12, 2)
                centre, side = (wide * corner[0], tall * corner[1]), 0.3 * side
            matrix = augment.random_affine(rng, centre, side, (width, height), (0.55, 1.7), 0.12)
            rgb, mask = augment.warp(rng, rgb, mask, matrix, (width, height))
            pictures.append(augment.spoil(rng, augment.change_colour(rng, rgb)))
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
    """Malignant against benign, and the seven classes, on the lesion crop. Cross-entropy of both."""

    def __init__(self, recipe: Recipe, folder: Path, cache: Path, normalisation: str):
        self.normalisation, self.size, self.context = normalisation, recipe.size, recipe.context
        rows = [row for row in read_manifest(folder, recipe.sources) if row.malignant is not None]
        self.train_rows = [row for row in rows if row.part == "train"]
        self.validation_rows = [row for row in rows if row.part == "validation"]
        self.train = Pictures(folder, self.train_rows, cache)
        self.validation = Pictures(folder, self.validation_rows, cache)
        self.train_squares = squares(self.train, recipe.context)
        self.validation_squares = squares(self.validation, recipe.context)
        self.weights = balance(self.train_rows)

    def batch(self, rng: np.random.Generator, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 network input B x 3 x S x S and targets B x 2: malignant (0 or 1), class (-1 where unknown)."""
        pictures, targets = [], []
        size = (self.size, self.size)
        for index in indices:
            rgb, row, square = self.train.pictures[index], self.train_rows[index], self.train_squares[index]
            matrix = augment.random_affine(rng, (square.centre_x, square.centre_y), square.side, size, (0.75, 1.25), 0.08)
            rgb, _ = augment.warp(rng, rgb, None, matrix, size)
            pictures.append(augment.spoil(rng, augment.change_colour(rng, rgb, 0.6)))
            targets.append((row.malignant, CLASSES.index(row.class_name) if row.class_name else -1))
        return normalise(np.stack(pictures), self.normalisation), np.array(targets, np.float32)

    @staticmethod
    def loss(outputs: tuple[torch.Tensor, ...], targets: torch.Tensor) -> torch.Tensor:
        malignant, classes, _ = outputs
        entropy = functional.binary_cross_entropy_with_logits(malignant.float(), targets[:, 0])
        return entropy + 0.5 * functional.cross_entropy(classes.float(), targets[:, 1].long(), ignore_index=-1)

    def score(self, network: nn.Module, device: torch.device, limit: int) -> float:
        """Return the AUC of malignancy on up to `limit` validation pictures."""
        logits = []
        for rgb, square in list(zip(self.validation.pictures, self.validation_squares, strict=True))[:limit]:
            batch = torch.from_numpy(normalise(crop(rgb, square, self.size)[None], self.normalisation)).to(device)
            logits.append(float(network(batch)[0]))
        return auc(np.array([row.malignant for row in self.validation_rows[:limit]]), np.array(logits))


def squares(pictures: Pictures, context: float, weights: Path = Path("weights")) -> list[Square]:
    """Return the crop of each picture: around the expert's mask, else around what an exported network of `weights` finds.

    Where neither is at hand the crop is the picture's middle.
    """
    if not pictures.squares_file.exists():
        boxes = [_extent(rgb, mask, segmenter) for segmenter in [_segmenter(weights)] for rgb, mask in pictures]
        np.save(pictures.squares_file, np.array(boxes))
    return [Square(x, y, min(side * context, longest)) for x, y, side, longest in np.load(pictures.squares_file)]


def _segmenter(weights: Path) -> Network | None:
    found = sorted(weights.glob("*/card.json"))
    networks = [load_network(card.parent) for card in found if read_card(card).task == "segmentation"]
    return networks[0] if networks else None


def _extent(rgb: np.ndarray, mask: np.ndarray | None, segmenter: Network | None) -> tuple[float, float, float, float]:
    """Return the lesion's centre and larger extent, and the longest side that a crop may have."""
    if mask is not None:
        lesion = mask > 127
    else:
        lesion = segment(segmenter, rgb).mask if segmenter else np.zeros(rgb.shape[:2], bool)
    square = lesion_square(lesion, 1.0)
    return square.centre_x, square.centre_y, square.side, max(rgb.shape[:2])


def balance(rows: list[Row]) -> np.ndarray:
    """Return sampling weights that even out sources and classes by the square root of their counts."""
    kinds = [(row.source, row.malignant) for row in rows]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    return np.array([counts[kind] ** -0.5 for kind in kinds])


TASKS = {"segmentation": Segmentation, "classification": Classification}
