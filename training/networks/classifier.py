"""Classifiers of a lesion: a malignancy logit, seven class logits, where the malignancy logit comes from, and the features behind it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torchvision.models import resnet18

from training.data import CLASSES
from training.networks.mobilenet import NORMALISATION, channels, mobilenet_features


class Classifier(nn.Module):
    """B x 3 x S x S -> malignancy logits B, class logits B x 7, malignancy logit map B x S/32 x S/32, features B x C.

    The logit is the mean of its map (class activation map, Zhou et al., 2016); features are means over the map as well.
    """

    def __init__(self, features: nn.Sequential, width: int, dropout: float):
        super().__init__()
        self.features = features
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(width, 1 + len(CLASSES), 1)

    @property
    def encoder_blocks(self) -> nn.Sequential:
        return self.features

    def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        features = self.features(batch)
        maps = self.head(self.dropout(features))
        logits = maps.mean(dim=(2, 3))
        return logits[:, 0], logits[:, 1:], maps[:, 0], features.mean(dim=(2, 3))


class MobileNetV2(Classifier):
    """On MobileNetV2's ImageNet features; pictures in [-1, 1]."""

    normalisation = NORMALISATION

    def __init__(self, dropout: float, encoder_width: float = 1.0, backbones: Path | None = None):
        features = mobilenet_features(backbones, encoder_width)
        super().__init__(features, channels(features, -1), dropout)


class ResNet18(Classifier):
    """ResNet-18 (He et al., 2016, https://arxiv.org/abs/1512.03385), learned from nothing; pictures ImageNet-normalised."""

    normalisation = "imagenet"

    def __init__(self, dropout: float):
        super().__init__(nn.Sequential(*list(resnet18(num_classes=1).children())[:-2]), 512, dropout)
