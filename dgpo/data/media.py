"""Pictures, sound and film in a row: the model is shown text alone, so such a problem cannot be asked; and what else
stops a text from being a prompt."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dgpo.data.cells import leaves
from dgpo.data.damage import backslash_fault

_COLUMN = re.compile(
    r"(?:\w+_)?(?:image|img|picture|photo|figure|diagram|video|audio|media|screenshot|pixel_value)s?"
    r"(?:_(?:path|url|uri|file|name|bytes|base64|b64|data|list|\d+))*s?",
    re.IGNORECASE,
)
_IS_FILE = re.compile(
    r"\.(?:png|jpe?g|gif|webp|bmp|svg|tiff?|pdf|mp4|webm|mp3|wav)\b|https?://|data:|\S{200}", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"<(?:image|img|picture|video|audio)(?:[ _-]?\d+)?/?>|<\|(?:image|vision|video|audio)\w*\|>|<img\s[^>]*>"
    r"|\[(?:IMAGE|IMG)(?:[ _-]?\d+)?\]"
)
_SPOKEN_OF = re.compile(
    r"\b(?:figure|diagram|picture|graph|image) (?:below|above|shown|(?:at|on|to) (?:the )?(?:right|left))\b"
    r"|\b(?:as|is|are|shown|shaded) in the (?:figure|diagram|picture)\b|如[上下左右]?图|见图",
    re.IGNORECASE,
)
_DRAWN = re.compile(r"\[asy\]|\\begin\{tikz")
_LINK = re.compile(r"!\[[^\]]*\]\([^)]*\)|\\includegraphics\s*(?:\[[^\]]*\])?\{[^}]*\}")


@lru_cache(maxsize=1024)
def is_media_column(name: str) -> bool:
    """Whether a column is called as those with pictures are: `image`, `images`, `image_1`, `audio_path`."""
    return _COLUMN.fullmatch(name) is not None


def media_in(row: Mapping[str, Any]) -> str:
    """Name of the first column that holds a picture, sound or film; "" for none."""
    cells = ((name, each) for name, value in row.items() if is_media_column(name) for each in leaves(value))
    return next((name for name, each in cells if isinstance(each, bytes) or _IS_FILE.search(str(each))), "")


def prompt_fault(text: str) -> str:
    """Why a text is no prompt: the first place of a picture, `<image>` say, or a command that lost its backslash; ""
    where nothing is wrong."""
    if found := _PLACEHOLDER.search(text):
        return f"has {found[0]!r}, the place of a picture, and only text is trained on"
    return backslash_fault(text, is_answer=False)


def picture_in(text: str) -> str:
    """The first link to a picture, of Markdown or LaTeX; "" for none."""
    link = _LINK.search(text)
    return link[0] if link else ""


def speaks_of_picture(text: str) -> bool:
    """Whether a text speaks of a picture and does not draw it."""
    return _SPOKEN_OF.search(text) is not None and not _DRAWN.search(text)
