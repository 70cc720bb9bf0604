"""Checkpoints of finished and unfinished trainings, as training.train leaves them under runs/."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from training.recipe import Recipe, build_network

RUNS = Path("runs")


def read_checkpoint(recipe: Recipe, runs: Path = RUNS, cycle: int | None = None) -> dict:
    """Read the newest checkpoint of a recipe, or that of a finished cycle."""
    name = "checkpoint.pt" if cycle is None else f"cycle{cycle}.pt"
    return torch.load(runs / recipe.name / name, map_location="cpu", weights_only=True)


def averaged(recipe: Recipe, checkpoint: dict) -> nn.Module:
    """Return the averaged network of a checkpoint, ready to answer."""
    network = build_network(recipe)
    network.load_state_dict(checkpoint["averaged"])
    return network.eval().requires_grad_(False)
