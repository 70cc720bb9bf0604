"""A U-Net (Ronneberger, Fischer, Brox, 2015, https://arxiv.org/abs/1505.04597) of our own.

The ImageNet MobileNetV2 encodes, a light decoder draws.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from training.networks.mobilenet import NORMALISATION, Pyramid


class Step(nn.Module):
    """Enlarge the coarse map to the fine one's size, join both, and mix them with a normalised, rectified 3 x 3 convolution."""

    def __init__(self, coarse: int, fine: int, channels: int):
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(coarse + fine, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        coarse = functional.interpolate(coarse, size=fine.shape[-2:], mode="nearest")
        return self.mix(torch.cat([coarse, fine], dim=1))


class Decoder(nn.Module):
    """Encoder maps, finest first -> a map of `channels[-1]` channels at the finest one's size."""

    def __init__(self, encoder: list[int], channels: list[int]):
        super().__init__()
        coarse = [encoder[-1], *channels[:-1]]
        self.steps = nn.ModuleList(Step(*sizes) for sizes in zip(coarse, encoder[-2::-1], channels, strict=True))

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        batch = maps[-1]
        for step, fine in zip(self.steps, maps[-2::-1], strict=True):
            batch = step(batch, fine)
        return batch


class UNet(nn.Module):
    """B x 3 x H x W in [-1, 1] -> B x 1 x H x W lesion logits.

    `channels` are the decoder's at strides 16, 8, 4 and 2; from there the logits are enlarged.
    """

    normalisation = NORMALISATION

    def __init__(self, channels: list[int], encoder_width: float = 1.0, backbones: Path | None = None):
        super().__init__()
        self.encoder = Pyramid(backbones, encoder_width)
        self.decoder = Decoder(self.encoder.channels, channels)
        self.head = nn.Conv2d(channels[-1], 1, 3, padding=1)

    @property
    def encoder_blocks(self) -> nn.Sequential:
        return self.encoder.blocks

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        logits = self.head(self.decoder(self.encoder(batch)))
        return functional.interpolate(logits, size=batch.shape[-2:], mode="bilinear", align_corners=False)
