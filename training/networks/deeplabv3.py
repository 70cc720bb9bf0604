"""DeepLabV3 (Chen et al., 2017, https://arxiv.org/abs/1706.05587) on the ImageNet MobileNetV2, with the decoder of its next version.

The decoder (DeepLabV3+, Chen et al., 2018, https://arxiv.org/abs/1802.02611) joins the features of stride 4, so that the outline is
fine although the encoder works at stride 16: a quarter of stride 8's cost.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from training.networks.mobilenet import NORMALISATION, Pyramid


def convolution(channels_in: int, channels_out: int, kernel: int = 1, rate: int = 1) -> nn.Sequential:
    """A convolution, normalised and rectified; the picture's size stays. 3 x 3 ones are depthwise separable."""
    depthwise = nn.Conv2d(channels_in, channels_in, kernel, padding=rate, dilation=rate, groups=channels_in, bias=False)
    return nn.Sequential(
        *([depthwise] if kernel > 1 else []),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class AtrousPyramid(nn.Module):
    """Convolutions of several rates and the whole map's mean, side by side (ASPP): B x C x h x w -> B x `width` x h x w."""

    def __init__(self, channels: int, width: int, rates: list[int]):
        super().__init__()
        self.branches = nn.ModuleList([convolution(channels, width), *(convolution(channels, width, 3, rate) for rate in rates)])
        # No normalisation: the mean is one pixel, whose statistics over a small batch are noise.
        self.whole = nn.Sequential(nn.Conv2d(channels, width, 1), nn.ReLU(inplace=True))
        self.join = convolution((2 + len(rates)) * width, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        whole = self.whole(features.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *features.shape[-2:])
        return self.join(torch.cat([*(branch(features) for branch in self.branches), whole], dim=1))


class DeepLabV3(nn.Module):
    """B x 3 x H x W in [-1, 1] -> B x 1 x H x W lesion logits."""

    normalisation = NORMALISATION

    def __init__(self, width: int, atrous_rates: list[int], encoder_width: float = 1.0, backbones: Path | None = None):
        super().__init__()
        self.encoder = Pyramid(backbones, encoder_width)
        # The last blocks stay at stride 16. Not dilated: on a processor that costs twice the time, and the rates below see as far.
        for layer in self.encoder.blocks[14].modules():
            if isinstance(layer, nn.Conv2d):
                layer.stride = (1, 1)
        _, fine, _, _, deep = self.encoder.channels
        self.context = AtrousPyramid(deep, width, atrous_rates)
        self.fine = convolution(fine, width // 4)
        self.join = nn.Sequential(convolution(width + width // 4, width, 3), convolution(width, width // 2, 3))
        self.head = nn.Conv2d(width // 2, 1, 1)

    @property
    def encoder_blocks(self) -> nn.Sequential:
        return self.encoder.blocks

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        _, fine, _, _, deep = self.encoder(batch)
        context = functional.interpolate(self.context(deep), size=fine.shape[-2:], mode="bilinear", align_corners=False)
        logits = self.head(self.join(torch.cat([context, self.fine(fine)], dim=1)))
        return functional.interpolate(logits, size=batch.shape[-2:], mode="bilinear", align_corners=False)
