r"""Answers as the sources spell them, made canonical; and those that no response could be checked against.

Only the spelling changes, never the value: the verifier compares values, and people compare files.
"""

import re
from collections.abc import Iterator, Sequence

from dgpo.verifier import check_ground_truth, verify_batch
from dgpo.verifier.gold import read_gold

_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
_BOXED = re.compile(r"\\boxed ?\{(.*)\}", re.DOTALL)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?:,|\{,\}|,\\!)\d{3})+(?:\.\d+)?")
_WHOLE = re.compile(r"([+-]?)0*(\d+)(?:\.0*)?")
_E_NOTATION = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))[eE]([+-]?)0*(\d+)")
_DEGREES = re.compile(r"°|\^ ?\{? ?\\circ(?![A-Za-z]) ?\}?|\\degrees?(?![A-Za-z])")
_MAX_NUMBER = 1000  # characters; the verifier reads no longer number, and the patterns above are not linear
_PROBE = r"\boxed{@?@?@}"
"""No mathematics: against it the verifier reads the ground truth alone, and stops."""
_BATCH = 512


def canonical_answer(raw: object) -> str:
    r"""One spelling of an answer: "" for none, `027`, `27.0` and `+27` as `27`, `1,234` as `1234`, `4.5e33` as
    `4.5 \times 10^{33}`, `336°` as `336^{\circ}`, without `$` or a box around it; a list joined by commas.

    Raises TypeError for what is neither text, number, list nor None.
    """
    if raw is None or raw != raw:  # NaN is how tables without nulls say "none"
        return ""
    if isinstance(raw, list | tuple):
        return ", ".join(item for each in raw if (item := canonical_answer(each)))
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise TypeError(f"an answer must be text, a number or a list of them, not {type(raw).__name__}: {raw!r:.80}")
    text = _DEGREES.sub(r"^{\\circ}", _peel(str(raw)))
    if len(text) > _MAX_NUMBER:
        return text
    if _THOUSANDS.fullmatch(text):
        text = re.sub(r"[^\d.+-]", "", text)
    if whole := _WHOLE.fullmatch(text):
        sign, digits = whole.groups()
        return ("-" if sign == "-" and digits != "0" else "") + digits
    if scientific := _E_NOTATION.fullmatch(text):
        mantissa, sign, exponent = scientific.groups()
        return rf"{mantissa} \times 10^{{{'-' if sign == '-' else ''}{exponent}}}"
    return text


def integer_answer(raw: object) -> str:
    r"""The canonical answer of a contest whose answers are whole numbers: `336^\circ` is `336`."""
    return canonical_answer(canonical_answer(raw).removesuffix(r"^{\circ}"))


def _peel(text: str) -> str:
    text = text.strip()
    while True:
        inner = text.removesuffix(".").rstrip() if text.startswith(("$", "\\(", "\\[", "\\boxed")) else text
        for left, right in _DELIMITERS:
            body = inner[len(left) : -len(right)]
            if inner.startswith(left) and inner.endswith(right) and len(inner) > len(left + right) and left not in body:
                inner = body.strip()
                break
        boxed = _BOXED.fullmatch(inner)
        if boxed and _closes_at_end(boxed[1]):
            inner = boxed[1].strip()
        if inner == text:
            return text
        text = inner


def _closes_at_end(body: str) -> bool:
    depth = 0
    for brace in re.findall(r"\\.|[{}]", body, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


def text_fault(answer: str) -> str:
    """What `check_ground_truth` says of a canonical answer; "" where it says nothing."""
    try:
        check_ground_truth(answer)
    except ValueError as error:
        return str(error)
    return ""


def ground_truth_faults(ground_truths: Sequence[str], *, timeout: float = 10.0) -> Iterator[str]:
    """For each ground truth in order why no response can be checked against it, or "" where one can.

    A response that boxes the ground truth must be right; and a ground truth that is no number and not made of
    words must be mathematics that the symbolic stage reads, at about 2 ms each.
    """
    for start in range(0, len(ground_truths), _BATCH):
        batch = ground_truths[start : start + _BATCH]
        itself = verify_batch([rf"\boxed{{{truth}}}" for truth in batch], batch, timeout=timeout)
        probed = [place for place, truth in enumerate(batch) if itself[place] and _is_symbolic(truth)]
        probes = verify_batch([_PROBE] * len(probed), [batch[place] for place in probed], timeout=timeout)
        reasons = {place: verdict.reason for place, verdict in zip(probed, probes, strict=True)}
        for place, verdict in enumerate(itself):
            if not verdict:
                yield f"does not verify against itself ({verdict.reason})"
            elif reasons.get(place) in ("bad_gold", "timeout", "crash", "too_large"):
                yield f"is nothing that the verifier can compare ({reasons[place]})"
            else:
                yield ""


def _is_symbolic(ground_truth: str) -> bool:
    gold = read_gold(ground_truth)
    return gold is not None and gold.number is None and gold.phrase is None and gold.choice is None
