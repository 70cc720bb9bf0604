"""Generated photos of moles whose outline is known: for the demo, for tests, and for pictures that may be shown to anyone.

    mole = Mole.random(7, kind="melanoma")
    first, third = photograph(mole), photograph(mole, visit=2, look="phone", hair=0.4)

A `Mole` keeps its identity; `photograph` draws the capture. Everything follows from seeds.
"""

from core.synthetic.capture import Look, SyntheticPhoto, bare_skin, photograph
from core.synthetic.files import encode
from core.synthetic.mole import Kind, Mole, Pattern
from core.synthetic.refused import NotSkin, blur, darken, not_skin, overexpose

__all__ = [
    "Kind",
    "Look",
    "Mole",
    "NotSkin",
    "Pattern",
    "SyntheticPhoto",
    "bare_skin",
    "blur",
    "darken",
    "encode",
    "not_skin",
    "overexpose",
    "photograph",
]
