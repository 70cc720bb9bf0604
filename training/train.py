"""Train one recipe: `python -m training.train RECIPE --data DIR [--time-limit MINUTES]`.

Stopped at any time, it continues from its last checkpoint when started again. A finished training is left alone unless
`--again` asks for a further cycle like its last one, at half the learning rate. `--from weights/NAME` begins with an exported
network instead of from nothing, at the recipe's last cycle: it may have learned from every source already.

Each finished cycle is kept as cycleN.pt; the last one before further sources is what the "left out" figures are measured on.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from training.checkpoint import RUNS, averaged, read_checkpoint
from training.networks.mobilenet import freeze
from training.recipe import Cycle, Recipe, Stage, build_network, read_recipe
from training.tasks import TASKS
from training.warm_start import load_exported

CHECKPOINT_EVERY_S = 180
VALIDATION_PICTURES = 160  # enough to watch; figures come from training.evaluate


NUMBERS = ("step", "elapsed_s", "cycle", "finished", "begun_from")


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
    begun_from: str = ""
    """Version of the exported network that training began from; empty if it began from nothing."""

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        modules = {name: getattr(self, name).state_dict() for name in ("network", "averaged", "optimiser")}
        numbers = {name: getattr(self, name) for name in NUMBERS}
        torch.save(modules | numbers, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        for name in ("network", "averaged", "optimiser"):
            getattr(self, name).load_state_dict(saved[name])
        for name in NUMBERS:
            setattr(self, name, saved[name])


def begin(recipe: Recipe, backbones: Path | None, device: torch.device, exported: Path | None = None) -> State:
    """Build the first state: from nothing but the pretrained encoder, or from an exported network as the end of the last cycle but one."""
    torch.manual_seed(recipe.seed)
    network = build_network(recipe, backbones)
    state = State(network, network, None)
    if exported is not None:
        state.begun_from = load_exported(network, exported)
        state.cycle, state.finished = len(recipe.cycles) - 2, True
    state.network = network.to(device, memory_format=torch.channels_last)
    state.averaged = copy.deepcopy(network).eval().requires_grad_(False)
    state.optimiser = new_optimiser(network, recipe)
    return state


def new_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay)


def next_cycle(state: State, recipe: Recipe) -> None:
    """Begin a further cycle from the averaged weights."""
    state.network.load_state_dict(state.averaged.state_dict())
    state.optimiser = new_optimiser(state.network, recipe)
    state.step, state.elapsed_s, state.cycle, state.finished = 0, 0.0, state.cycle + 1, False


def learning_rate(recipe: Recipe, cycle: int, progress: float) -> float:
    """Warm up over the first 5 % of a cycle, then follow half a cosine to 0. Cycles after the recipe's last halve it each time."""
    shape = progress / 0.05 if progress < 0.05 else 0.5 * (1 + math.cos(math.pi * (progress - 0.05) / 0.95))
    return recipe.cycle(cycle).learning_rate * 0.5 ** max(0, cycle - len(recipe.cycles) + 1) * shape


def stage_at(cycle: Cycle, progress: float) -> Stage:
    """Return the stage that a progress of 0 to 1 lies in."""
    for stage in cycle.stages:
        if progress < stage.share:
            return stage
        progress -= stage.share
    return cycle.stages[-1]


def strength_at(cycle: Cycle, progress: float) -> float:
    """Return how strongly pictures are changed: less towards the end, which is then learned on pictures as they are met."""
    return cycle.strength * (1 - 0.6 * max(0.0, 2 * progress - 1))


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
    exported: Path | None = None,
    time_limit_minutes: float | None = None,
    again: bool = False,
    say=lambda line: print(line, flush=True),
) -> State:
    """Train all cycles of a recipe. With a time limit each has the share that its epochs have, and the learning rate
    reaches 0 at whichever is used up first, its epochs or its time.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    checkpoint = runs / recipe.name / "checkpoint.pt"
    state = begin(recipe, None if checkpoint.exists() else backbones, device, None if checkpoint.exists() else exported)
    if checkpoint.exists():
        state.load(checkpoint)
    elif state.finished:
        state.save(checkpoint.with_name(f"cycle{state.cycle}.pt"))
    last = max(state.cycle, len(recipe.cycles) - 1)
    if state.finished and state.cycle == last:
        if not again:
            say(f"{recipe.name} has finished; --again trains it further")
            return state
        last += 1
    # Told apart by epochs alone: what each cycle learns from is of much the same size.
    epochs = sum(recipe.cycle(number).epochs for number in range(state.cycle, last + 1) if number > state.cycle or not state.finished)
    while True:
        if state.finished:
            next_cycle(state, recipe)
        limit_s = math.inf if time_limit_minutes is None else 60 * time_limit_minutes * recipe.cycle(state.cycle).epochs / epochs
        train_cycle(recipe, state, folder, runs, device, limit_s, say)
        state.finished = True
        state.save(checkpoint)
        state.save(checkpoint.with_name(f"cycle{state.cycle}.pt"))
        if state.cycle >= last:
            return state


def train_cycle(recipe: Recipe, state: State, folder: Path, runs: Path, device: torch.device, limit_s: float, say) -> None:
    """Train the state's cycle to its end, with a checkpoint every few minutes."""
    cycle = recipe.cycle(state.cycle)
    task = TASKS[recipe.task](recipe, cycle, folder, runs / "cache", state.network.normalisation)
    if (taught := teacher_of(recipe, state.cycle, runs)) is not None:
        teacher, size = taught
        task.learn_from(teacher.to(device), size, runs / recipe.name / f"answers{state.cycle}-{fingerprint(teacher)}.npy")
    total_steps = max(1, math.ceil(cycle.epochs * len(task.weights) / recipe.batch))
    chances = task.weights / task.weights.sum()
    bfloat16 = has_bfloat16(device) and (recipe.bfloat16 or device.type != "cpu")
    say(f"{recipe.name}: {len(task.weights)} pictures, cycle {state.cycle}, from step {state.step} of at most {total_steps}")

    # The random numbers depend on where training stands, so that a resumed run does not see its first pictures again.
    rng = np.random.default_rng((recipe.seed, state.cycle, state.step))
    begun = time.monotonic() - state.elapsed_s
    last_saved, last_step = time.monotonic(), state.step
    losses: list[float] = []
    stage = None
    while True:
        progress = max(state.step / total_steps, state.elapsed_s / limit_s)
        if progress >= 1:
            break
        for settings in state.optimiser.param_groups:
            settings["lr"] = learning_rate(recipe, state.cycle, progress)
        if stage is not stage_at(cycle, progress):
            stage = stage_at(cycle, progress)
            state.network.train()
            freeze(state.network, stage.frozen)

        chosen = rng.choice(len(chances), recipe.batch, p=chances)
        inputs, targets = task.batch(rng, chosen, strength_at(cycle, progress), stage.scale)
        inputs = torch.from_numpy(inputs).to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
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
            pace = (state.step - last_step) * recipe.batch / (time.monotonic() - last_saved)
            state.save(runs / recipe.name / "checkpoint.pt")
            last_saved, last_step = time.monotonic(), state.step
            left_s = state.elapsed_s * (1 - progress) / max(progress, 1e-9)
            say(
                f"{recipe.name}: {progress:.0%}, loss {np.mean(losses):.3f}, validation {validate(task, state, device):.4f}, "
                f"{pace:.0f} pictures/s, {left_s / 60:.0f} min left"
            )
            losses.clear()
    say(
        f"{recipe.name}: cycle {state.cycle} finished after {state.step} steps ({state.step * recipe.batch} pictures), "
        f"validation {validate(task, state, device):.4f}"
    )


def teacher_of(recipe: Recipe, number: int, runs: Path) -> tuple[nn.Module, int] | None:
    """Return the network whose answers a cycle learns from and the size of the pictures that it is asked in: itself before that
    cycle, or the recipe's teacher as it was while it had seen no source that this cycle leaves out.
    """
    if recipe.cycle(number).self_taught:
        return averaged(recipe, read_checkpoint(recipe, runs, number - 1)), recipe.size
    if not recipe.teacher:
        return None
    teacher = read_recipe(recipe.teacher)
    left_out = recipe.sources(number) == recipe.sources(recipe.left_out_cycle())
    number = teacher.left_out_cycle() if left_out else len(teacher.cycles) - 1
    return averaged(teacher, read_checkpoint(teacher, runs, number)), teacher.size


def fingerprint(network: nn.Module) -> str:
    """Return what tells a network from one with other weights, so that the answers of one are never taken for another's."""
    sha256 = hashlib.sha256()
    for values in network.state_dict().values():
        sha256.update(values.cpu().numpy().tobytes())
    return sha256.hexdigest()[:8]


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether the device computes bfloat16 itself: a processor that does not is ten times slower with it than without."""
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()


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
    parser.add_argument("--from", dest="exported", type=Path, metavar="weights/NAME", help="begin with this exported network")
    parser.add_argument("--again", action="store_true", help="train a finished recipe for a further cycle")
    parser.add_argument("--threads", type=int, help="processor threads to use")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
        cv2.setNumThreads(options.threads)
    train(
        read_recipe(options.recipe),
        options.data,
        runs=options.runs,
        backbones=options.backbones,
        exported=options.exported,
        time_limit_minutes=options.time_limit,
        again=options.again,
    )


if __name__ == "__main__":
    main()
