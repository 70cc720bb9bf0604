"""The split: by group, fixed for ever, in the announced shares."""

from collections import Counter

import numpy as np

from training.data import PARTS, Pictures, part_of, read_manifest


def test_the_split_never_moves():
    # A change here would let photos that a network learned from into its figures.
    assert [part_of(f"G{number:05}") for number in range(8)] == ["train", "train", "train", "train", "train", "train", "train", "test"]
    assert part_of("G00000") == part_of("G00000")


def test_the_parts_have_their_shares():
    counts = Counter(part_of(f"group {number}") for number in range(20_000))
    for part, share in PARTS:
        assert abs(counts[part] / 20_000 - share) < 0.01


def test_a_manifest_is_read_with_labels_and_parts(drawn_data):
    rows = read_manifest(drawn_data)
    assert len(rows) == 72
    assert rows[0].malignant == 1 and rows[0].class_name == "mel"
    assert rows[1].malignant == 0 and rows[1].class_name == "nv"
    assert {row.part for row in rows} == {part for part, _ in PARTS}
    assert read_manifest(drawn_data, ("mednode",)) == []


def test_melanoma_stands_in_where_malignancy_is_not_given(tmp_path):
    header = "source,image,mask,group,dx,malignant,melanoma,age,sex,site,width,height,sha256"
    lines = ["melanoma10k,a.jpg,,G1,mel,,1,,,,,,", "melanoma10k,b.jpg,,G2,,,0,,,,,,", "natural,c.jpg,,G3,,,,,,,,,"]
    (tmp_path / "manifest.csv").write_text("\n".join([header, *lines]))
    assert [row.malignant for row in read_manifest(tmp_path)] == [1, 0, None]
    assert [row.class_name for row in read_manifest(tmp_path)] == ["mel", "nv", None]


def test_pictures_are_cached_as_they_are(drawn_data, tmp_path):
    rows = read_manifest(drawn_data)[:5]
    first, again = Pictures(drawn_data, rows, tmp_path), Pictures(drawn_data, rows, tmp_path)
    assert len(first) == 5
    for (rgb, mask), (same_rgb, same_mask) in zip(first, again, strict=True):
        assert rgb.shape == (90, 120, 3) and mask.shape == (90, 120)
        assert set(np.unique(mask)) == {0, 255}
        assert np.array_equal(rgb, same_rgb) and np.array_equal(mask, same_mask)
    assert len(list(tmp_path.glob("*.bin"))) == 1
