"""A recipe: every setting of one model's training, with its default. Recipes are TOML files in training/recipes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from training.networks import NETWORKS, DeepLabV3

FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Recipe:
    name: str
    """The recipe's file name; also the folder under runs/ and weights/."""
    task: str
    """segmentation or classification."""
    sources: tuple[str, ...]
    """Sources of the manifest that it learns from (their train part only)."""
    network: dict = field(default_factory=dict)
    """`architecture` and that architecture's own arguments."""
    epochs: float = 10
    """Passes over the training pictures in one cycle of the learning rate."""
    batch: int = 16
    learning_rate: float = 1e-3
    """Highest learning rate: reached after a warm-up of 5 % of the cycle, then cosine to 0; halved at each further cycle."""
    weight_decay: float = 0.01
    """Of AdamW."""
    average: float = 0.998
    """Decay of the moving average of the weights, which is what is exported."""
    seed: int = 1
    size: int = 128
    """Side of the classifier's square input."""
    context: float = 1.5
    """Side of the classifier's crop in lesion extents."""


def read_recipe(name: str) -> Recipe:
    """Read a recipe by its name in training/recipes or by its path."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    settings = tomllib.loads(path.read_text())
    settings["sources"] = tuple(settings["sources"])
    return Recipe(name=path.stem, **settings)


def build_network(recipe: Recipe, backbones: Path | None = None) -> nn.Module:
    """Build the recipe's network; `backbones` is the folder of pretrained encoders, needed only to begin training."""
    arguments = dict(recipe.network)
    architecture = NETWORKS[arguments.pop("architecture")]
    if backbones is not None and architecture is DeepLabV3:
        arguments["backbones"] = backbones
    return architecture(**arguments)
