"""A sample of the tokens that a policy loss has seen, for `dgpo plot distribution`; `run.token_sample` asks for it.

One file a rank in the run folder's `tokens/`, to which each call appends one array of float32 rows (log_ratio,
advantage, log_prob). F and W are not kept: they follow from these and the method's hyper-parameters.
"""

import os
from pathlib import Path

import numpy as np
import torch

COLUMNS = ("log_ratio", "advantage", "log_prob")


def keep_sample(
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    *,
    clip_range: tuple[float, float],
) -> None:
    """`append_sample` to this rank's file, where the run asks for it: `dgpo train` tells its workers how many."""
    if count := int(os.environ.get("DGPO_TOKEN_SAMPLE", "0")):
        file = Path(os.environ["DGPO_RUN_DIR"]) / "tokens" / f"rank-{os.environ.get('RANK', 0)}.npy"
        tensors = (old_log_prob, log_prob, advantages, response_mask)
        append_sample(file, *tensors, count=count, clip_range=clip_range)


def append_sample(
    file: Path,
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    *,
    count: int,
    clip_range: tuple[float, float],
) -> None:
    """Append up to `count` random response tokens with an advantage, and up to `count` more of those outside.

    Tokens outside the clip range are about one in a thousand, so a random sample alone would show none.

    Args:
        file: of this rank; its folder is made.
        old_log_prob, log_prob, advantages: `(B, T)`.
        response_mask: `(B, T)`, bool or zeros and ones.
        count: tokens of each kind.
        clip_range: (lo, hi), the ratios that bound the inside.
    """
    keep = response_mask.bool() & (advantages != 0)
    columns = [(log_prob - old_log_prob)[keep], advantages[keep], log_prob[keep]]
    tokens = torch.stack([column.detach().float() for column in columns], dim=1)
    ratio = tokens[:, 0].exp()
    outside = tokens[(ratio < clip_range[0]) | (ratio > clip_range[1])]
    chosen = [tokens[torch.randperm(len(tokens), device=tokens.device)[:count]]]
    chosen.append(outside[torch.randperm(len(outside), device=tokens.device)[:count]])
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as stream:
        np.save(stream, torch.cat(chosen).cpu().numpy())


def read_samples(folder: Path) -> np.ndarray:
    """All rows in the files of `folder`, `(N, 3)` float32, columns as `COLUMNS`.

    Raises:
        FileNotFoundError: there is no sample; the message says how a run makes one.
    """
    arrays = []
    for file in sorted(folder.glob("rank-*.npy")):
        with file.open("rb") as stream:
            while stream.peek(1):
                arrays.append(np.load(stream))
    if not arrays:
        raise FileNotFoundError(f"{folder}: there is no token sample; train with run.token_sample=64")
    return np.concatenate(arrays)
