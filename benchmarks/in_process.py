"""The quick start as one loop in one process, beside the runs of the real stack.

    python -m benchmarks.in_process --seeds 0 1 2 --output benchmarks/results/in_process.md

`bash recipes/quickstart.sh` makes problems and models of a seed. The loop shares the losses, the verifier and the
config's values with the trainer, and nothing of verl: transformers samples, advantages and updates are written out
below. So a fault in how the trainer passes on answers, advantages, log-probs or weights would set the two apart. The
real runs are those of `quickstart.json`; problems and draws come in another order.
"""

import json
import time
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.against_trl import ANSWERS, HERE, PROMPTS, TOKENS, UPDATES
from benchmarks.common import RESULTS, arguments_of, machine, publish
from dgpo.losses import policy_loss
from dgpo.tables import Table
from dgpo.verifier import verify_batch

STEPS, WARM_UP, RATE, HELD_OUT = 30, 5, 3e-5, 64


class Policy:
    """The model of a seed: samples groups of answers, and scores them."""

    def __init__(self, seed: int):
        folder = HERE / f"model-{seed}"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.no_grad()
    def sample(self, rows: list[dict[str, Any]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`ANSWERS` to each row: tokens with the prompts `(B, P+T)`, which of them attention sees, which of `(B, T)`
        are of the response, and the rewards `(B,)`."""
        render = self.tokenizer.apply_chat_template
        prompts = [render(row["prompt"], add_generation_prompt=True, return_dict=False) for row in rows]
        batch = self.tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
        many = {name: tensor.repeat_interleave(ANSWERS, 0) for name, tensor in batch.items()}
        whole = dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0)  # the distribution, as verl samples it
        tokens = self.model.generate(**many, max_new_tokens=TOKENS, **whole)
        answers = tokens[:, many["input_ids"].shape[1] :]
        ends = (answers == self.tokenizer.eos_token_id).long()
        mask = ends.cumsum(1) == ends
        seen = torch.cat([many["attention_mask"].bool(), mask], 1)
        texts = self.tokenizer.batch_decode(answers.masked_fill(~mask, self.tokenizer.pad_token_id), True)
        truths = [row["reward_model"]["ground_truth"] for row in rows for _ in range(ANSWERS)]
        return tokens, seen, mask, torch.tensor([float(bool(each)) for each in verify_batch(texts, truths)])

    def score(self, tokens: Tensor, seen: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """log π of the last `length` tokens, and the entropy there, `(B, T)`."""
        places = (seen.long().cumsum(1) - 1).clamp(min=0)
        logits = self.model(input_ids=tokens, attention_mask=seen.long(), position_ids=places).logits
        every = logits[:, -length - 1 : -1].log_softmax(-1)
        return every.gather(2, tokens[:, -length:, None])[..., 0], -(every.exp() * every).sum(-1)


def advantages_of(rewards: Tensor) -> Tensor:
    """(R - mean) / (standard deviation + 1e-6) in each group, `(B, 1)`."""
    groups = rewards.view(-1, ANSWERS)
    spread = groups - groups.mean(1, keepdim=True)
    return (spread / (groups.std(1, keepdim=True) + 1e-6)).flatten()[:, None]


def train(seed: int) -> dict[str, Any]:
    """What `quickstart.json` has of a real run: accuracy (mean@8) before and after, boundary tokens, entropy."""
    torch.manual_seed(seed)
    draws = np.random.default_rng(seed)
    policy = Policy(seed)
    adam = torch.optim.AdamW(policy.model.parameters(), lr=RATE, weight_decay=0.1)
    rows = pq.read_table(HERE / "data/train.parquet").to_pylist()
    held_out = pq.read_table(HERE / "data/validation.parquet").to_pylist()[:HELD_OUT]
    order = draws.permutation(len(rows))
    before = policy.sample(held_out)[3].mean().item()
    steps: list[dict[str, float]] = []
    begin = time.process_time()
    for step in range(STEPS):
        adam.param_groups[0]["lr"] = RATE * min(1.0, step / WARM_UP)
        chosen = [rows[place] for place in order[step * PROMPTS : (step + 1) * PROMPTS]]
        steps.append(one_step(policy, adam, chosen, draws))
    seconds = (time.process_time() - begin) / STEPS
    after = policy.sample(held_out)[3].mean().item()
    return {
        "run": f"one process, seed {seed}",
        "mean_before": before,
        "mean_after": after,
        "boundary_share_mean": float(np.mean([each["boundary"] for each in steps])),
        "entropy_last": steps[-1]["entropy"],
        "seconds": seconds,
    }


def one_step(policy: Policy, adam: Any, rows: list[dict[str, Any]], draws: np.random.Generator) -> dict[str, float]:
    """Answers, rewards, advantages, and `UPDATES` updates of as many answers, drawn one by one."""
    tokens, seen, mask, rewards = policy.sample(rows)
    advantages = advantages_of(rewards).expand(-1, mask.shape[1])
    with torch.no_grad():
        old, entropy = policy.score(tokens, seen, mask.shape[1])
    shares = []
    for piece in np.array_split(draws.permutation(len(tokens)), UPDATES):
        new, _ = policy.score(tokens[piece], seen[piece], mask.shape[1])
        loss, metrics = policy_loss("dgpo", old[piece], new, advantages[piece], mask[piece])
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
        adam.step()
        shares.append(metrics["actor/region/ln/share"] + metrics["actor/region/hp/share"])
    return {"entropy": entropy[mask].mean().item(), "boundary": float(np.mean(shares))}


def main() -> None:
    parser = arguments_of(__doc__, RESULTS / "in_process.md")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    real = json.loads((RESULTS / "quickstart.json").read_text())["results"]
    theirs = [{**run, "run": f"real stack, {run['run']}"} for run in real if not run["overrides"]]
    ours = [train(seed) for seed in arguments.seeds]
    rows = [
        (
            run["run"],
            f"{100 * run['mean_before']:.1f}",
            f"{100 * run['mean_after']:.1f}",
            f"{100 * (run['mean_after'] - run['mean_before']):+.1f}",
            f"{run['boundary_share_mean']:.3%}",
            f"{run['entropy_last']:.3f}",
        )
        for run in (*theirs, *ours)
    ]
    head = ("run", "mean@8 before", "after", "points", "LN + HP tokens", "entropy, last step")
    notes = [
        f"{STEPS} steps of {UPDATES} updates. Accuracy in %, of {HELD_OUT} held-out problems; LN + HP: mean over "
        f"steps. The loop takes {np.mean([run['seconds'] for run in ours]):.1f} seconds of one core a step."
    ]
    publish(arguments.output, Table(head, rows, "The quick start in one process", notes), about=machine())


if __name__ == "__main__":
    main()
