import re
from pathlib import Path

from core.codes import _SENTENCES, sentence

CORE = Path(__file__).parents[2] / "core"


def test_every_code_says_what_is_wrong_and_what_to_do():
    for code in _SENTENCES:
        assert 1 < sentence(code).count(". ") + 1 <= 3, code
        assert sentence(code).endswith(".") and "!" not in sentence(code)


def test_every_code_that_core_uses_has_a_sentence():
    sources = "".join((CORE / name).read_text() for name in ("analyser.py", "photo.py"))
    used = set(re.findall(r'UnreadablePhoto\(\s*"(\w+)"', sources)) | set(re.findall(r'\(?"([a-z]+_\w+)",?\)', sources))
    assert {"empty_file", "no_lesion", "too_small", "below_1280x720"} <= used
    assert used <= set(_SENTENCES)
