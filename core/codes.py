"""The sentence that a person reads for each reason or warning code: what is wrong, then what to do about it."""

from __future__ import annotations

_SENTENCES = {
    # A file that is no photo.
    "empty_file": "The file is empty. Please choose the photo again.",
    "cannot_open": "The file could not be opened. Please choose the photo again.",
    "not_a_photo": "The file is not a photo that can be read. Please use a JPG, PNG, WebP, HEIC or BMP photo.",
    "damaged_file": "The photo is damaged or only part of it arrived. Please send it again or take a new one.",
    "too_many_pixels": "The photo has more than 50 megapixels. Please use a smaller copy or a lower camera setting.",
    "over_limits": "This photo could not be read within the limits for one photo. Please save it anew as a JPG, or take a new one.",
    # A photo that cannot be judged.
    "too_small": "The photo is too small to judge. Please send the original photo, not a thumbnail or a screenshot of it.",
    "no_lesion": "No mole was found in the photo. Please move closer, put the mole in the middle and make sure it is sharp and well lit.",
    "not_skin": "This does not look like a photo of skin. Please take a photo of the mole from near, with skin all around it.",
    "too_dark": "The photo is too dark to judge. Please take it again in even daylight, or with a lamp beside you.",
    "too_bright": "Much of the photo is white from too much light. Please take it again without flash and out of direct sun.",
    "blurred": (
        "The photo is blurred. Please hold the camera still, tap on the mole so that it focuses, and go back a little if it cannot."
    ),
    # A photo that can be judged, with care.
    "below_1280x720": "The photo is smaller than 1280 x 720 pixels, so the outline is less exact. Send the original photo if there is one.",
    "lesion_cut_by_frame": (
        "The mole reaches the edge of the photo, so its size is not known. Take the photo from a little further away, with skin all around."
    ),
    "several_lesions": (
        "There is more than one mole in the photo and only one was judged. Take one photo of each mole, with the mole in the middle."
    ),
    "hair": "Hair lies over the skin, so outline and probability are less sure. Please brush it aside, or wet it, for the next photo.",
    "glare": "Light is reflected in the photo, which hides part of the skin. Turn the lamp or yourself a little for the next photo.",
    "ruler_or_ink": "Ink or a ruler is in the photo. Keep it away from the mole itself, where it could be taken for a part of it.",
    "unfamiliar": (
        "The photo differs from those that the networks learned from, so the answer counts as uncertain. "
        "A photo from nearer, in even light, may help."
    ),
    "camera_photo": (
        "The photo looks as if taken without a dermoscope. The networks learned mostly from photos through one, so the probability "
        "is less sure and is never called more than low in confidence."
    ),
    "faint_lesion": (
        "The mole hardly stands out from the skin, so the answer counts as uncertain. If this is skin without a mole, "
        "photograph the mole itself; if not, a sharper photo from nearer may help."
    ),
    "low_agreement": (
        "The outlines found in two ways differ, so size and probability are less sure. A sharper photo in even light may help."
    ),
}


def sentence(code: str) -> str:
    """Return one or two plain sentences for a code of `Analysis.reasons`, `Analysis.warnings` or `UnreadablePhoto`."""
    return _SENTENCES[code]
