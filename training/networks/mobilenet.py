"""MobileNetV2 (Sandler et al., 2018, https://arxiv.org/abs/1801.04381) as torchvision builds it, with its ImageNet weights."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torchvision.models import mobilenet_v2

BACKBONE_FILE = "mobilenet_v2_imagenet.safetensors"
NORMALISATION = "minus_one_to_one"

LAST_OF_STRIDE = {2: 1, 4: 3, 8: 6, 16: 13, 32: 17}
"""Stride of a feature map -> the last block that has it."""


def mobilenet_features(backbones: Path | None, width: float = 1.0) -> nn.Sequential:
    """Return the 19 feature blocks, with ImageNet weights from the folder `backbones` unless it is None.

    Blocks 0 to 17 end in 320 x `width` channels at stride 32; block 18 widens them to 1,280. Only width 1 has ImageNet weights.
    """
    network = mobilenet_v2(num_classes=1001, width_mult=width)
    if backbones is not None and width == 1.0:
        network.load_state_dict(load_file(backbones / BACKBONE_FILE))
    return network.features


def channels(features: nn.Sequential, block: int) -> int:
    """Return how many channels a block of `mobilenet_features` gives."""
    return [layer for layer in features[block].modules() if isinstance(layer, nn.Conv2d)][-1].out_channels


class Pyramid(nn.Module):
    """The blocks up to stride 32 of MobileNetV2: B x 3 x H x W -> maps at strides 2, 4, 8, 16 and 32.

    The first `frozen` blocks, set by training, keep their weights and their normalisation and cost no backward pass.
    """

    def __init__(self, backbones: Path | None, width: float = 1.0):
        super().__init__()
        self.blocks = mobilenet_features(backbones, width)[:-1]
        self.channels = [channels(self.blocks, block) for block in LAST_OF_STRIDE.values()]

    def forward(self, batch: torch.Tensor) -> list[torch.Tensor]:
        maps = []
        for number, block in enumerate(self.blocks):
            batch = block(batch)
            if number in LAST_OF_STRIDE.values():
                maps.append(batch)
        return maps


def freeze(network: nn.Module, blocks: int) -> None:
    """Let the first `blocks` blocks of the network's encoder keep what they are, and the others learn.

    To be called after `network.train()`, which would let frozen normalisation follow the pictures again.
    """
    for number, block in enumerate(network.encoder_blocks):
        block.requires_grad_(number >= blocks)
        block.train(number >= blocks)
