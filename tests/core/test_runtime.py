"""Weights that are missing or damaged are named, and never used."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core import Analyser
from core.runtime import UnusableWeights, load_network, load_networks

WEIGHTS = Path(__file__).parents[2] / "weights"


@pytest.fixture
def copied(tmp_path):
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


def test_every_network_fits_its_card_and_the_limits():
    networks = load_networks(WEIGHTS)
    assert {network.card.task for network in networks.values()} == {"segmentation", "classification"}
    assert {"unet", "deeplabv3", "mobilenetv2", "resnet18"} <= set(networks)
    for name in networks:
        assert (WEIGHTS / name / f"{name}.onnx").stat().st_size <= 25 * 2**20
        assert "non-commercial" in networks[name].card.details["licence"]
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 80 * 2**20
    assert {path.suffix for path in files} <= {".onnx", ".json"}, "no checkpoint belongs here"


def test_the_networks_name_no_folder_of_the_machine_that_made_them():
    for path in WEIGHTS.glob("*/*.onnx"):
        data = path.read_bytes()
        assert b"site-packages" not in data and b"/training/" not in data and b".py" not in data, path.name


def test_a_changed_byte_is_refused(copied):
    path = copied / "unet" / "unet.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(UnusableWeights, match=r"unet\.onnx.*sha256"):
        Analyser.load(copied)


def test_a_missing_network_is_named(copied):
    (copied / "unet" / "unet.onnx").unlink()
    with pytest.raises(UnusableWeights, match=r"unet\.onnx"):
        Analyser.load(copied)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": "unet"}'])
def test_a_damaged_card_is_named(copied, text):
    (copied / "unet" / "card.json").write_text(text)
    with pytest.raises(UnusableWeights, match=r"card\.json"):
        load_network(copied / "unet")


def test_a_file_that_is_no_network_is_refused_though_its_sha256_fits(copied):
    import hashlib

    (copied / "unet" / "unet.onnx").write_bytes(b"no network")
    card = json.loads((copied / "unet" / "card.json").read_text())
    card["sha256"] = hashlib.sha256(b"no network").hexdigest()
    (copied / "unet" / "card.json").write_text(json.dumps(card))
    with pytest.raises(UnusableWeights, match=r"unet\.onnx"):
        load_network(copied / "unet")


def test_an_empty_folder_and_a_folder_without_a_classifier_are_refused(tmp_path, copied):
    with pytest.raises(UnusableWeights, match=r"card\.json"):
        Analyser.load(tmp_path / "absent")
    for name in ("mobilenetv2", "resnet18"):
        shutil.rmtree(copied / name)
    with pytest.raises(UnusableWeights, match="classification"):
        Analyser.load(copied)


def test_the_answer_does_not_depend_on_the_batch():
    network = load_network(WEIGHTS / "resnet18")
    size = network.card.details["input"]["size"]
    batch = np.random.default_rng(1).normal(size=(3, 3, size, size)).astype(np.float32)
    together, alone = network(batch)[0], np.concatenate([network(one[None])[0] for one in batch])
    assert np.abs(together - alone).max() < 1e-3
