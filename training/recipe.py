"""A recipe: every setting of one model's training, with its default. Recipes are TOML files in training/recipes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from training.networks import NETWORKS, PRETRAINED

FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Stage:
    """A share of a cycle: small pictures and frozen blocks are several times faster, large ones give the last percent."""

    share: float = 1.0
    scale: float = 1.0
    """Of the input's sides, which are core.preprocess.FRAMES or the recipe's `size`."""
    frozen: int = 0
    """First blocks of the encoder that keep their weights."""


@dataclass(frozen=True)
class Cycle:
    """One rise and fall of the learning rate over the train part of some sources. The next cycle begins from its averaged weights."""

    sources: tuple[str, ...]
    epochs: float = 10
    """Passes over the training pictures."""
    learning_rate: float = 1e-3
    """Highest learning rate: reached after a warm-up of 5 % of the cycle, then cosine to 0."""
    strength: float = 1.0
    """Of the augmentation; it falls to 40 % of this over the cycle's second half."""
    stages: tuple[Stage, ...] = (Stage(),)
    smoothed: float = 0.0
    """Share of the segmentation pictures that lose their texture."""
    self_taught: bool = False
    """Whether a classifier learns, beside the labels, from what it answered when the cycle began."""
    unlabelled: tuple[str, ...] = ()
    """Sources of which a classifier learns the teacher's answers only, not the labels. For a cycle with a teacher."""


@dataclass(frozen=True)
class Recipe:
    name: str
    """The recipe's file name; also the folder under runs/ and weights/."""
    task: str
    """segmentation or classification."""
    cycles: tuple[Cycle, ...]
    """Sources that only the last ones learn from are "left out" before: the figures of `left_out_cycle` there are of unseen sources."""
    network: dict = field(default_factory=dict)
    """`architecture` and that architecture's own arguments."""
    batch: int = 16
    weight_decay: float = 0.01
    """Of AdamW."""
    average: float = 0.998
    """Decay of the moving average of the weights, which is what is exported."""
    bfloat16: bool = False
    """Compute in bfloat16 on a processor that has it, as accelerators always do: dense convolutions gain by it, depthwise ones lose."""
    seed: int = 1
    size: int = 160
    """Side of the classifier's square input."""
    skin: tuple[float, float, float] = ()
    """RGB that the classifier sees every skin in; as photographed where empty."""
    teacher: str = ""
    """Recipe of a classifier, trained before, whose answers this one learns from beside the labels."""

    def sources(self, cycle: int) -> tuple[str, ...]:
        """Return everything learned from up to and including a cycle; cycles after the last repeat it."""
        return tuple(dict.fromkeys(source for one in self.cycles[: cycle + 1] for source in one.sources + one.unlabelled))

    def without_labels(self, cycle: int) -> tuple[str, ...]:
        """Return those of `sources` of which no label was learned."""
        told = {source for one in self.cycles[: cycle + 1] for source in one.sources}
        return tuple(source for source in self.sources(cycle) if source not in told)

    def left_out_cycle(self) -> int:
        """Return the last cycle before further sources are learned from; the last of all where none are."""
        last = len(self.cycles) - 1
        return max((number for number in range(last) if self.sources(number) != self.sources(last)), default=last)

    def cycle(self, number: int) -> Cycle:
        return self.cycles[min(number, len(self.cycles) - 1)]


def read_recipe(name: str) -> Recipe:
    """Read a recipe by its name in training/recipes or by its path."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    settings = tomllib.loads(path.read_text())
    return Recipe(name=path.stem, **settings | {"cycles": tuple(_cycle(one) for one in settings["cycles"])})


def _cycle(settings: dict) -> Cycle:
    stages = tuple(Stage(**one) for one in settings.get("stages", [{}]))
    sources = {name: tuple(settings.get(name, ())) for name in ("sources", "unlabelled")}
    return Cycle(**settings | sources | {"stages": stages})


def build_network(recipe: Recipe, backbones: Path | None = None) -> nn.Module:
    """Build the recipe's network; `backbones` is the folder of pretrained encoders, needed only to begin training."""
    arguments = dict(recipe.network)
    architecture = NETWORKS[arguments.pop("architecture")]
    if architecture in PRETRAINED:
        arguments["backbones"] = backbones
    return architecture(**arguments)
