"""U-Net (Ronneberger, Fischer, Brox, 2015, https://arxiv.org/abs/1505.04597) with batch normalisation and few channels."""

from __future__ import annotations

import torch
from torch import nn


class TwoConvolutions(nn.Sequential):
    """Two 3 x 3 convolutions, each normalised and rectified; the picture's size stays."""

    def __init__(self, channels_in: int, channels_out: int):
        layers: list[nn.Module] = []
        for channels in (channels_in, channels_out):
            layers += [
                nn.Conv2d(channels, channels_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels_out),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class Encoder(nn.Module):
    """Feature maps of a B x 3 x H x W batch at full size, 1/2, 1/4 ...: one for each entry of `channels`."""

    def __init__(self, channels: list[int]):
        super().__init__()
        self.steps = nn.ModuleList(TwoConvolutions(before, after) for before, after in zip([3, *channels], channels, strict=False))
        self.halve = nn.MaxPool2d(2)

    def forward(self, batch: torch.Tensor) -> list[torch.Tensor]:
        features = [self.steps[0](batch)]
        for step in self.steps[1:]:
            features.append(step(self.halve(features[-1])))
        return features


class Decoder(nn.Module):
    """Doubles the smallest feature map back to full size, joining the encoder's map of the same size each time."""

    def __init__(self, channels: list[int]):
        super().__init__()
        pairs = list(zip(channels[::-1], channels[-2::-1], strict=False))
        self.doubles = nn.ModuleList(nn.ConvTranspose2d(deep, shallow, 2, stride=2) for deep, shallow in pairs)
        self.steps = nn.ModuleList(TwoConvolutions(2 * shallow, shallow) for _, shallow in pairs)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        batch = features[-1]
        for double, step, skipped in zip(self.doubles, self.steps, features[-2::-1], strict=True):
            batch = step(torch.cat([double(batch), skipped], dim=1))
        return batch


class UNet(nn.Module):
    """B x 3 x H x W, ImageNet-normalised, sides divisible by 16 -> B x 1 x H x W lesion logits."""

    normalisation = "imagenet"

    def __init__(self, channels: list[int]):
        super().__init__()
        self.encoder = Encoder(channels)
        self.decoder = Decoder(channels)
        self.head = nn.Conv2d(channels[0], 1, 1)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.head(self.decoder(self.encoder(batch)))
