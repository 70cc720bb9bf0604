"""`python -m core`: one JSON line a photo, masks at the photos' own sizes, and the exit code."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.__main__ import main
from core.analysis import Analysis

ROOT = Path(__file__).parents[2]


def draw(path: Path, width: int = 320, height: int = 240) -> Path:
    photo = np.full((height, width, 3), (158, 178, 222), np.uint8)
    cv2.ellipse(photo, (width // 2, height // 2), (width // 6, height // 7), 20, 0, 360, (50, 70, 112), -1, cv2.LINE_AA)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.GaussianBlur(photo, (0, 0), 2))
    return path


def run(*arguments, code: int = 0) -> None:
    assert main([str(argument) for argument in arguments]) == code


def test_a_folder_is_walked_and_masks_are_named_like_the_photos(tmp_path):
    draw(tmp_path / "photos" / "a.jpg")
    draw(tmp_path / "photos" / "inner" / "b.PNG", 240, 320)
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    run(tmp_path / "photos", "--out", tmp_path / "r.jsonl", "--masks", tmp_path / "m")
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [Path(line["photo"]).name for line in lines] == ["a.jpg", "b.PNG"]
    assert {one.name for one in fields(Analysis)} | {"photo"} == set(lines[0])
    for line in lines:
        ((model, name),) = line["masks"].items()
        assert model == line["chosen"]
        mask = cv2.imread(str(tmp_path / "m" / name), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (line["height"], line["width"])
        assert set(np.unique(mask)) == {0, 255}
    assert [next(iter(line["masks"].values())) for line in lines] == ["a.png", str(Path("inner/b.png"))]


def test_two_photos_of_one_name_keep_a_mask_each(tmp_path):
    for name in ("one/a.jpg", "one/a.png", "two/a.jpg"):
        draw(tmp_path / name)
    run(tmp_path / "one", tmp_path / "two", "--masks", tmp_path / "m", "--out", tmp_path / "r.jsonl")
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["a-2.png", "a-3.png", "a.png"]


def test_a_photo_that_cannot_be_read_is_named_and_the_others_are_done(tmp_path, capsys):
    (tmp_path / "0broken.jpg").write_bytes(b"\xff\xd8\xff half of a photo")
    draw(tmp_path / "good.jpg")
    run(tmp_path, code=1)
    printed = capsys.readouterr()
    assert "0broken.jpg" in printed.err and "damaged" in printed.err
    (line,) = printed.out.splitlines()
    assert json.loads(line)["accepted"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["absent.jpg"], ["{photo}", "--model", "resnet18"], ["{photo}", "--nonsense"], ["{photo}", "--truth", "absent"]],
)
def test_unusable_arguments_exit_with_2(tmp_path, arguments, capsys):
    photo = draw(tmp_path / "a.jpg")
    with pytest.raises(SystemExit) as caught:
        main([argument.format(photo=photo) for argument in arguments])
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_empty_folder_and_unusable_weights_exit_with_2(tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments in ([tmp_path / "empty"], [draw(tmp_path / "a.jpg"), "--weights", tmp_path / "absent"]):
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        assert caught.value.code == 2


def test_force_analyses_what_is_refused_and_still_says_why(tmp_path, capsys):
    photo = draw(tmp_path / "small.png", 96, 72)
    run(photo)
    refused = json.loads(capsys.readouterr().out)
    assert refused["reasons"] == ["too_small"] and refused["chosen"] is None and refused["masks"] == {}
    run(photo, "--force", "--masks", tmp_path / "m")
    forced = json.loads(capsys.readouterr().out)
    assert not forced["accepted"] and "too_small" in forced["reasons"]
    assert (tmp_path / "m" / "small.png").exists()


def test_the_named_model_is_the_chosen_one(tmp_path, capsys):
    run(draw(tmp_path / "a.jpg"), "--model", "deeplabv3")
    assert json.loads(capsys.readouterr().out)["chosen"] == "deeplabv3"


def test_truth_gives_dice_and_jaccard_of_every_mask(tmp_path):
    photo = draw(tmp_path / "photos" / "a.jpg")
    mask = np.zeros((480, 640), np.uint8)  # twice the photo's size, as experts' masks sometimes are
    cv2.ellipse(mask, (320, 240), (640 // 6, 480 // 7), 20, 0, 360, 255, -1)
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a_segmentation.png"), mask)
    for truth in (tmp_path / "masks", tmp_path / "masks" / "a_segmentation.png"):
        run(photo, "--truth", truth, "--out", tmp_path / "r.jsonl")
        line = json.loads((tmp_path / "r.jsonl").read_text())
        assert line["chosen"] in line["truth"] and len(line["truth"]) >= 2
        assert line["truth"][line["chosen"]]["dice"] > 0.8
        for one in line["truth"].values():
            assert one["jaccard"] == pytest.approx(one["dice"] / (2 - one["dice"]), abs=1e-3)


def test_a_photo_whose_experts_mask_is_missing_is_named_and_done(tmp_path, capsys):
    (tmp_path / "masks").mkdir()
    run(draw(tmp_path / "a.jpg"), "--truth", tmp_path / "masks", code=1)
    printed = capsys.readouterr()
    line = json.loads(printed.out)
    assert line["truth"] is None and line["accepted"]
    assert "a.jpg" in printed.err and "mask" in printed.err


def test_it_runs_as_a_command_without_torch_streamlit_or_sqlalchemy(tmp_path):
    photo = draw(tmp_path / "a.jpg")
    script = (
        "import sys, runpy; sys.argv = ['core', sys.argv[1]]\n"
        "try: runpy.run_module('core', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "assert not {'torch', 'streamlit', 'sqlalchemy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(photo)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["width"] == 320
