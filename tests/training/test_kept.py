"""What networks answered is asked for once, and again of other networks or by other code."""

from types import SimpleNamespace

import numpy as np

from training import kept, metrics
from training.kept import Kept


def network(sha256):
    return SimpleNamespace(card=SimpleNamespace(details={"sha256": sha256, "input": {}}))


def test_an_answer_is_kept_for_the_same_photo_networks_and_code(tmp_path):
    asked = []

    def answer(memory, photo):
        found = memory(photo, lambda: asked.append(photo) or {"logits": np.arange(3.0), "mask eye": np.eye(4, dtype=bool)})
        assert found["logits"].tolist() == [0, 1, 2] and found["mask eye"].dtype == bool and found["mask eye"].sum() == 4
        return len(asked)

    first = {"eye": network("a")}
    assert answer(Kept(tmp_path, first, (metrics,)), "one.jpg") == 1
    assert answer(Kept(tmp_path, first, (metrics,)), "one.jpg") == 1, "also by an evaluation begun later"
    assert answer(Kept(tmp_path, first, (metrics,)), "two.jpg") == 2
    assert answer(Kept(tmp_path, {"eye": network("b")}, (metrics,)), "one.jpg") == 3
    assert answer(Kept(tmp_path, first, (kept,)), "one.jpg") == 4
    assert answer(Kept(None, first, (metrics,)), "one.jpg") == 5, "nothing is kept without a folder"


def test_an_answer_half_written_is_asked_for_again(tmp_path):
    memory = Kept(tmp_path, {}, ())
    memory("one.jpg", lambda: {"logits": np.zeros(1)})
    (file,) = tmp_path.glob("*/*.npz")
    file.rename(file.with_suffix(".partial"))
    assert memory("one.jpg", lambda: {"logits": np.ones(1)})["logits"] == 1
