"""DeepLabV3 (Chen et al., 2017, https://arxiv.org/abs/1706.05587): torchvision's head on the ImageNet MobileNetV2."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from torchvision.models import mobilenet_v2
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

BACKBONE_FILE = "mobilenet_v2_imagenet.safetensors"


def mobilenet_features(backbones: Path | None) -> nn.Sequential:
    """Return MobileNetV2's features, with ImageNet weights from the folder `backbones` unless it is None."""
    network = mobilenet_v2(num_classes=1001)
    if backbones is not None:
        network.load_state_dict(load_file(backbones / BACKBONE_FILE))
    return network.features


def dilate(features: nn.Sequential, output_stride: int) -> None:
    """Swap strides for dilation so that the features are 1/output_stride of the picture's size."""
    stride = 1
    for block in features:
        before = stride
        for layer in block.modules():
            if not isinstance(layer, nn.Conv2d):
                continue
            if layer.stride == (2, 2):
                stride *= 2
                if stride > output_stride:
                    layer.stride = (1, 1)
            excess = max(1, before // output_stride)
            if layer.kernel_size == (3, 3) and excess > 1:
                layer.dilation = layer.padding = (excess, excess)


class DeepLabV3(nn.Module):
    """B x 3 x H x W in [-1, 1] -> B x 1 x H x W lesion logits."""

    normalisation = "minus_one_to_one"

    def __init__(self, output_stride: int, atrous_rates: list[int], backbones: Path | None = None):
        super().__init__()
        # The last layer only widens the features for ImageNet's 1,001 classes.
        self.encoder = mobilenet_features(backbones)[:-1]
        dilate(self.encoder, output_stride)
        self.head = DeepLabHead(320, 1, atrous_rates)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        logits = self.head(self.encoder(batch))
        return functional.interpolate(logits, size=batch.shape[-2:], mode="bilinear", align_corners=False)
