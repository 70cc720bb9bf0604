"""Train one recipe: `python -m training.train RECIPE --data DIR [--time-limit MINUTES]`.

Stopped at any time, it continues from its last checkpoint when started again. A finished training is left alone
unless `--again` asks for a further cycle of the learning rate, which begins from the averaged weights.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.recipe import Recipe, build_network, read_recipe
from training.tasks import TASKS

RUNS = Path("runs")
CHECKPOINT_EVERY_S = 180
VALIDATION_PICTURES = 160  # enough to watch; figures come from training.evaluate


@dataclass
class State:
    """Everything that a checkpoint holds."""

    network: nn.Module
    averaged: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    elapsed_s: float = 0.0
    cycle: int = 0
    finished: bool = False

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        modules = {name: getattr(self, name).state_dict() for name in ("network", "averaged", "optimiser")}
        numbers = {name: getattr(self, name) for name in ("step", "elapsed_s", "cycle", "finished")}
        torch.save(modules | numbers, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        for name in ("network", "averaged", "optimiser"):
            getattr(self, name).load_state_dict(saved[name])
        for name in ("step", "elapsed_s", "cycle", "finished"):
            setattr(self, name, saved[name])


def begin(recipe: Recipe, backbones: Path | None, device: torch.device) -> State:
    torch.manual_seed(recipe.seed)
    network = build_network(recipe, backbones).to(device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    return State(network, averaged, new_optimiser(network, recipe))


def new_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def learning_rate(recipe: Recipe, cycle: int, progress: float) -> float:
    """Warm up over the first 5 % of a cycle, then follow half a cosine to 0."""
    shape = progress / 0.05 if progress < 0.05 else 0.5 * (1 + math.cos(math.pi * (progress - 0.05) / 0.95))
    return recipe.learning_rate * 0.5**cycle * shape


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights towards the network's, faster in the beginning."""
    decay = min(decay, (1 + step) / (10 + step))
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


def train(
    recipe: Recipe,
    folder: Path,
    *,
    runs: Path = RUNS,
    backbones: Path | None = None,
    time_limit_minutes: float | None = None,
    again: bool = False,
    say=lambda line: print(line, flush=True),
) -> State:
    """Train until the recipe's epochs or the time limit are used up; the learning rate reaches 0 at whichever is first."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    checkpoint = runs / recipe.name / "checkpoint.pt"
    state = begin(recipe, None if checkpoint.exists() else backbones, device)
    if checkpoint.exists():
        state.load(checkpoint)
        if state.finished and not again:
            say(f"{recipe.name} has finished; --again trains it further")
            return state
        if state.finished:
            state.network.load_state_dict(state.averaged.state_dict())
            state.optimiser = new_optimiser(state.network, recipe)
            state.step, state.elapsed_s, state.cycle, state.finished = 0, 0.0, state.cycle + 1, False

    task = TASKS[recipe.task](recipe, folder, runs / "cache", state.network.normalisation)
    total_steps = max(1, math.ceil(recipe.epochs * len(task.weights) / recipe.batch))
    limit_s = math.inf if time_limit_minutes is None else 60 * time_limit_minutes
    chances = task.weights / task.weights.sum()
    say(f"{recipe.name}: {len(task.weights)} pictures, cycle {state.cycle}, from step {state.step} of at most {total_steps}")

    # The random numbers depend on where training stands, so that a resumed run does not see its first pictures again.
    rng = np.random.default_rng((recipe.seed, state.cycle, state.step))
    begun = time.monotonic() - state.elapsed_s
    last_saved = time.monotonic()
    losses: list[float] = []
    state.network.train()
    while True:
        progress = max(state.step / total_steps, state.elapsed_s / limit_s)
        if progress >= 1:
            break
        for settings in state.optimiser.param_groups:
            settings["lr"] = learning_rate(recipe, state.cycle, progress)

        inputs, targets = task.batch(rng, rng.choice(len(chances), recipe.batch, p=chances))
        inputs = torch.from_numpy(inputs).to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            outputs = state.network(inputs)
        loss = task.loss(outputs, torch.from_numpy(targets).to(device))
        state.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
        state.optimiser.step()

        state.step += 1
        state.elapsed_s = time.monotonic() - begun
        follow(state.averaged, state.network, recipe.average, state.step + 1000 * state.cycle)
        losses.append(float(loss.detach()))
        if time.monotonic() - last_saved > CHECKPOINT_EVERY_S:
            state.save(checkpoint)
            last_saved = time.monotonic()
            left_s = state.elapsed_s * (1 - progress) / max(progress, 1e-9)
            pace = state.step * recipe.batch / state.elapsed_s
            score = validate(task, state, device)
            say(
                f"{recipe.name}: {progress:.0%}, loss {np.mean(losses):.3f}, validation {score:.4f}, "
                f"{pace:.0f} pictures/s, {left_s / 60:.0f} min left"
            )
            losses.clear()

    state.finished = True
    state.save(checkpoint)
    say(f"{recipe.name}: finished after {state.step} steps, validation {validate(task, state, device):.4f}")
    return state


@torch.inference_mode()
def validate(task, state: State, device: torch.device) -> float:
    return task.score(state.averaged.eval(), device, VALIDATION_PICTURES)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("recipe", help="name in training/recipes, or path of a .toml file")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder for checkpoints and caches")
    parser.add_argument("--backbones", type=Path, default=Path("../shared/backbones"), help="folder of pretrained encoders")
    parser.add_argument("--time-limit", type=float, metavar="MINUTES", help="size the schedule to end by then")
    parser.add_argument("--again", action="store_true", help="train a finished recipe for a further cycle")
    parser.add_argument("--threads", type=int, help="processor threads to use")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    train(
        read_recipe(options.recipe),
        options.data,
        runs=options.runs,
        backbones=options.backbones,
        time_limit_minutes=options.time_limit,
        again=options.again,
    )


if __name__ == "__main__":
    main()
