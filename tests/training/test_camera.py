"""Camera photos told from dermoscope ones by features that both kinds share in part."""

import numpy as np

from core.classification import camera_logit
from training import camera, evaluate
from training.data import Row


def a_sample(rng, n, shifted):
    looks = rng.normal(0, 1, (n, 60))
    looks[:, :6] += 1.5 * shifted
    return looks


def test_the_fit_finds_other_camera_photos_and_leaves_other_dermoscope_photos_alone():
    rng = np.random.default_rng(1)
    found = camera.fit(a_sample(rng, 400, 0), a_sample(rng, 40, 1))
    assert len(found["features"]) == camera.FEATURES and set(range(6)) <= set(found["features"])
    assert camera.hits(list(a_sample(rng, 200, 1)), found).mean() > 0.8
    assert camera.hits(list(a_sample(rng, 400, 0)), found).mean() < 0.05


def test_few_of_the_dermoscope_photos_fitted_on_count_as_camera_photos():
    rng = np.random.default_rng(2)
    dermoscope = a_sample(rng, 500, 0)
    found = camera.fit(dermoscope, a_sample(rng, 30, 0.2))
    assert np.mean([camera_logit(one, found) > 0 for one in dermoscope]) <= camera.FALSE_ALARMS


def test_what_is_shown_as_sure_leaves_out_camera_photos():
    rng = np.random.default_rng(3)

    def photos(source, part, n):
        rows = [Row(source, f"{source} {part} {i}", None, f"{source} {part} {i}", "nv", i % 2, part) for i in range(n)]
        return [
            evaluate.Photo(row, {}, {}, {}, {"net": 4.0 * row.malignant - 2 + rng.normal()}, {"net": look})
            for row, look in zip(rows, a_sample(rng, n, source == "mednode"), strict=True)
        ]

    def drawn(name, kind):
        return list(a_sample(rng, 20, kind == "phone"))

    calibration = photos("ham10000", "calibration", 300) + photos("mednode", "calibration", 10)
    tests = {"ham10000": photos("ham10000", "test", 200), "mednode": photos("mednode", "test", 100)}
    cards = {"net": {}}
    evaluate.tell_cameras(cards, [*calibration, *photos("mednode", "train", 60)], tests, drawn)
    counted = {one["source"]: one["value"] for one in cards["net"]["camera"]["metrics"]}
    assert counted.keys() == {"ham10000", "mednode", "drawn, dermoscope", "drawn, phone"}
    assert counted["mednode"] > 0.8 and counted["ham10000"] < 0.1
    evaluate.judge_probability(cards, calibration, tests)
    shown = {one["source"]: one["value"] for one in cards["net"]["together"]["metrics"] if one["figure"] == "shown_high"}
    assert shown["mednode"] <= 1 - counted["mednode"] < shown["ham10000"]


def test_the_operating_point_is_fitted_on_the_validation_part_too_and_the_calibration_is_not():
    rng = np.random.default_rng(4)

    def photos(part, malignant_at):
        labels = [int(i % 3 == 0) for i in range(300)]
        rows = [Row("ham10000", f"{part} {i}", None, f"{part} {i}", "nv", label, part) for i, label in enumerate(labels)]
        return [evaluate.Photo(row, {}, {}, {}, {"net": (malignant_at if row.malignant else -2.0) + rng.normal()}, {}) for row in rows]

    calibration, validation = photos("calibration", 3.0), photos("validation", 0.5)
    tests = {"ham10000": photos("test", 0.5)}
    alone, both = {"net": {}}, {"net": {}}
    evaluate.judge_probability(alone, calibration, tests)
    evaluate.judge_probability(both, calibration, tests, validation)
    assert both["net"]["calibration"] == alone["net"]["calibration"]
    point, before = (cards["net"]["together"]["operating_point"] for cards in (both, alone))
    assert point["threshold"] < before["threshold"] and point["sources"]["ham10000"]["n"] == 600
    found = {one["figure"]: one["value"] for one in both["net"]["together"]["metrics"]}
    assert found["sensitivity_at_point"] >= 0.95
