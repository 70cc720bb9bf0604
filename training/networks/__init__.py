"""Architectures by name. Each takes the keyword arguments of its recipe's [network] table."""

from training.networks.classifier import ResNet18
from training.networks.deeplabv3 import DeepLabV3
from training.networks.unet import UNet

NETWORKS = {"unet": UNet, "deeplabv3": DeepLabV3, "resnet18": ResNet18}
