"""Architectures by name. Each takes the keyword arguments of its recipe's [network] table, and those on MobileNetV2 `backbones`."""

from training.networks.classifier import MobileNetV2, ResNet18
from training.networks.deeplabv3 import DeepLabV3
from training.networks.unet import UNet

NETWORKS = {"unet": UNet, "deeplabv3": DeepLabV3, "mobilenetv2": MobileNetV2, "resnet18": ResNet18}
PRETRAINED = (UNet, DeepLabV3, MobileNetV2)
"""Those that begin with an ImageNet encoder."""
