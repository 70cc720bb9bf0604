"""Classifiers of the lesion crop: a malignancy logit, seven class logits, and where the malignancy logit comes from."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import resnet18

from training.data import CLASSES


class ResNet18(nn.Module):
    """ResNet-18 (He et al., 2016, https://arxiv.org/abs/1512.03385), learned from nothing.

    B x 3 x S x S, ImageNet-normalised -> malignancy logits B, class logits B x 7, malignancy logit map B x S/32 x S/32
    whose mean is the logit (class activation map, Zhou et al., 2016).
    """

    normalisation = "imagenet"

    def __init__(self, dropout: float):
        super().__init__()
        network = resnet18(num_classes=1)
        self.features = nn.Sequential(*list(network.children())[:-2])
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(512, 1 + len(CLASSES), 1)

    def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        maps = self.head(self.dropout(self.features(batch)))
        logits = maps.mean(dim=(2, 3))
        return logits[:, 0], logits[:, 1:], maps[:, 0]
