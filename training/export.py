"""Export a trained recipe to weights/NAME: `python -m training.export RECIPE`.

Writes NAME.onnx and card.json; weights too large for 25 MB are stored as float16 and computed with as float32. Calibration, mask
choice and figures are filled in by `python -m training.evaluate`, which measures what was exported. `--left-out` exports the
network to runs/left-out as it was before its recipe's last sources were learned from.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from core.preprocess import FRAMES
from core.runtime import load_network, read_card
from training.checkpoint import RUNS, averaged, read_checkpoint
from training.data import CLASSES, MALIGNANT_CLASSES
from training.metrics import dice
from training.networks import NETWORKS, PRETRAINED
from training.recipe import Recipe, read_recipe
from training.tasks import ASKED_CONTEXTS

WEIGHTS = Path("weights")
LEFT_OUT = RUNS / "left-out"
LARGEST_BYTES = 25 * 2**20
LARGEST_DIFFERENCE = 0.005
"""In probability, between the trained and the exported network."""
SMALLEST_OVERLAP = 0.999
"""Dice between the masks of both."""
TITLES = {
    "unet": "U-Net on MobileNetV2",
    "deeplabv3": "DeepLabV3 on MobileNetV2, with the decoder of DeepLabV3+",
    "mobilenetv2": "MobileNetV2",
    "resnet18": "ResNet-18",
}
SOURCES = {
    "ham10000": "HAM10000 (CC BY-NC 4.0)",
    "melanoma10k": "photographs of the ISIC archive (non-commercial)",
    "fanconic": "photographs of the ISIC archive (non-commercial)",
    "ph2": "PH2 (research use)",
    "mednode": "MED-NODE (research use)",
}
BANDS = {
    # REQUIREMENTS.md, "Confidence bands": edges of the calibrated malignancy probability
    "high_benign": 0.05,
    "medium_benign": 0.15,
    "malignant": 0.60,
    "medium_malignant": 0.85,
    "high_malignant": 0.95,
}


class Probability(nn.Module):
    """A segmentation network that answers with probabilities rather than logits."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.network(photo))


def export(recipe: Recipe, *, runs: Path = RUNS, weights: Path = WEIGHTS, cycle: int | None = None) -> float:
    """Export the recipe's checkpoint, or that of one finished cycle; returns the largest difference in probability to the
    trained network.

    Raises ValueError, and leaves what was exported before, where it is more than LARGEST_DIFFERENCE, or the masks' Dice less
    than SMALLEST_OVERLAP.
    """
    checkpoint = read_checkpoint(recipe, runs, cycle)
    network = trained(recipe, checkpoint)
    folder = weights / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        card = first_card(recipe, checkpoint, network, to_onnx(network, recipe, Path(partial) / f"{recipe.name}.onnx"))
        card |= inherited(folder / "card.json", checkpoint["begun_from"])
        write_card(card, Path(partial))
        difference, overlap = differences(network, recipe, Path(partial))
        if difference > LARGEST_DIFFERENCE or overlap < SMALLEST_OVERLAP:
            raise ValueError(f"The exported {recipe.name} differs by {difference:.4f} in probability, its masks' Dice is {overlap:.4f}.")
        card["export_difference"] = round(difference, 6)
        if recipe.task == "segmentation":
            card["export_mask_dice"] = round(overlap, 5)
        write_card(card, Path(partial))
        for name in (f"{recipe.name}.onnx", "card.json"):
            (Path(partial) / name).replace(folder / name)
    return difference


def trained(recipe: Recipe, checkpoint: dict) -> nn.Module:
    """Return the averaged network of a checkpoint; for segmentation it answers with probabilities."""
    network = averaged(recipe, checkpoint)
    if recipe.task == "classification":
        return network
    normalisation, network = network.normalisation, Probability(network).eval()
    network.normalisation = normalisation
    return network


def to_onnx(network: nn.Module, recipe: Recipe, path: Path) -> str:
    """Write the network and return the file's sha256. The batch is free; so are the sides of a segmentation network."""
    free = torch.export.Dim.DYNAMIC
    if recipe.task == "segmentation":
        example, shape = torch.zeros(2, 3, FRAMES[0][1], FRAMES[0][0]), {0: free, 2: free, 3: free}
        outputs = ["probability"]
    else:
        example, shape = torch.zeros(2, 3, recipe.size, recipe.size), {0: free}
        outputs = ["malignant_logit", "class_logits", "malignant_map", "features"]
    torch.onnx.export(
        network,
        (example,),
        str(path),
        input_names=["photo"],
        output_names=outputs,
        dynamic_shapes=(shape,),
        opset_version=18,
        external_data=False,
        dynamo=True,
        # Unoptimised, weights and normalisation keep their names and values: training can begin from them. The runtime fuses them.
        optimize=False,
        verbose=False,
    )
    model = onnx.load(path)
    strip(model)
    # Only where it must be: rounding moves single pixels of DeepLabV3 by 0.011 in probability, of ResNet-18 by far less.
    if model.ByteSize() > LARGEST_BYTES:
        store_as_float16(model)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def strip(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes, which name files and folders of the machine that it ran on."""
    del model.metadata_props[:], model.graph.metadata_props[:]
    graph = model.graph
    for part in [*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output]:
        part.doc_string = ""
        del part.metadata_props[:]


def store_as_float16(model: onnx.ModelProto) -> None:
    """Halve the file: large weights become float16, each cast back to float32 once, when the network is loaded."""
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < 256:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)


def first_card(recipe: Recipe, checkpoint: dict, network: nn.Module, sha256: str) -> dict:
    """Return a card with everything but what is fitted and measured on the exported network."""
    card = {
        "name": recipe.name,
        "title": TITLES.get(recipe.name, recipe.name),
        "version": "",
        "task": recipe.task,
        "sha256": sha256,
        "data": {
            "sources": (sources := list(recipe.sources(checkpoint["cycle"]))),
            "without_labels": list(recipe.without_labels(checkpoint["cycle"])),
            "split": "by group, sha256 of the group's name: 70/8/7/15 %",
            "cycle": checkpoint["cycle"],
            "begun_from": checkpoint["begun_from"] or "nothing but the pretrained encoder, where there is one",
        },
        "licence": licence(recipe, sources),
        "caution": "A reference and follow-up aid, not a medical device.",
    }
    if recipe.task == "segmentation":
        return card | {
            "input": {
                "normalisation": network.normalisation,
                "frames": [{"width": width, "height": height} for width, height in FRAMES],
            },
            "classes": [{"name": "lesion"}],
            "threshold": 0.5,
            "expected_dice": {"intercept": 0.0, "certainty": 1.0, "agreement": 0.0},
            "metrics": [],
        }
    return card | {
        "input": {"normalisation": network.normalisation, "size": recipe.size, "contexts": list(ASKED_CONTEXTS), "whole_photo": True}
        | ({"skin": list(recipe.skin)} if recipe.skin else {}),
        "classes": [{"name": name, "malignant": name in MALIGNANT_CLASSES} for name in CLASSES],
        "malignant_means": "melanoma, basal-cell carcinoma or actinic keratosis / Bowen's disease",
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "share": 1.0,
        "bands": BANDS,
        "metrics": [],
    }


def inherited(path: Path, begun_from: str) -> dict:
    """Return what the card before says of sources left out, where it is of the network that training began from: that was measured on
    one still further back, before it learned from them, whose checkpoint need not be here.
    """
    if not begun_from or not path.exists():
        return {}
    before = read_card(path).details
    if begun_from not in (before["version"], before["data"]["begun_from"]):
        return {}
    return {"left_out": before["left_out"]} if "left_out" in before else {}


def licence(recipe: Recipe, sources: list[str]) -> str:
    """Say whose photographs the weights were learned from, and that this binds their use."""
    names = ", ".join(dict.fromkeys(SOURCES.get(source, source) for source in sources))
    pretrained = NETWORKS[recipe.network["architecture"]] in PRETRAINED
    encoder = " The encoder began from MobileNetV2 weights of ImageNet (Apache-2.0)." if pretrained else ""
    return f"Learned from non-commercial research photographs: {names}. For non-commercial use only.{encoder}"


def write_card(card: dict, folder: Path) -> None:
    """Write card.json with a version that changes when the network's answers can."""
    answers = {name: card.get(name) for name in ("sha256", "input", "threshold", "expected_dice", "calibration", "share", "bands")}
    card["version"] = "1." + hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:8]
    partial = folder / "card.json.partial"
    partial.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / "card.json")


def differences(network: nn.Module, recipe: Recipe, folder: Path) -> tuple[float, float]:
    """Compare trained and exported network on smooth random pictures: the largest difference in probability, and for
    segmentation the smallest Dice between their masks (1 for classification).
    """
    exported = load_network(folder)
    rng = np.random.default_rng(recipe.seed)
    largest, smallest = 0.0, 1.0
    for width, height in FRAMES if recipe.task == "segmentation" else ((recipe.size, recipe.size),):
        coarse = torch.from_numpy(rng.normal(0, 1, (4, 3, 6, 6)).astype(np.float32))
        batch = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
        with torch.inference_mode():
            expected = network(batch)
        if recipe.task == "classification":
            expected, found = torch.sigmoid(expected[0]).numpy(), 1 / (1 + np.exp(-exported(batch.numpy())[0]))
        else:
            expected, found = expected.numpy(), exported(batch.numpy())[0]
            smallest = min(smallest, *(dice(one > 0.5, other > 0.5) for one, other in zip(expected, found, strict=True)))
        largest = max(largest, float(np.abs(expected - found).max()))
    return largest, smallest


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("recipe", help="name in training/recipes, or path of a .toml file")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of the checkpoints")
    parser.add_argument("--weights", type=Path, help=f"folder to write NAME/ into, {WEIGHTS} where nothing else is said")
    parser.add_argument("--left-out", action="store_true", help=f"what the recipe's last sources were unseen by, to {LEFT_OUT}")
    options = parser.parse_args()
    recipe = read_recipe(options.recipe)
    cycle = recipe.left_out_cycle() if options.left_out else None
    weights = options.weights or (LEFT_OUT if options.left_out else WEIGHTS)
    difference = export(recipe, runs=options.runs, weights=weights, cycle=cycle)
    size = (weights / recipe.name / f"{recipe.name}.onnx").stat().st_size / 2**20
    print(f"{recipe.name}: {size:.1f} MB, differs from the trained network by at most {difference:.5f} in probability")


if __name__ == "__main__":
    main()
