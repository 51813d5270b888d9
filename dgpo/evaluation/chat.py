"""From a problem's messages to token ids: the model's chat template, applied once, with one BOS at most."""

import hashlib
from collections.abc import Sequence
from typing import Any

from dgpo.evaluation.benchmarks import Benchmark
from dgpo.evaluation.error import EvalError


def chat_template_sha256(tokenizer: Any, model: str) -> str:
    """Hash of the tokenizer's chat template; EvalError where the model has none."""
    if not tokenizer.chat_template:
        raise EvalError(
            f"--model={model}: its tokenizer has no chat template, so its prompts would not be the ones that it was "
            "trained on; choose an instruction-tuned model, or add chat_template.jinja to the model's directory"
        )
    return hashlib.sha256(tokenizer.get_chat_template().encode()).hexdigest()


def prompt_tokens(tokenizer: Any, benchmark: Benchmark) -> list[list[int]]:
    """The token ids of each problem's prompt, as verl's rollouts have them.

    A rendered template is text that may begin with BOS already; tokenising it anew would add a second one,
    which costs accuracy and shows nowhere. So the template is applied and tokenised in one go, and the ids are
    what vLLM gets.

    Raises:
        EvalError: a prompt cannot be rendered, or has not exactly one BOS though the tokenizer adds one.
    """
    bos = tokenizer.bos_token_id
    adds_bos = bos is not None and tokenizer("1").input_ids[:1] == [bos]
    prompts = []
    for problem in benchmark.problems:
        try:
            ids = tokenizer.apply_chat_template(
                problem.messages, add_generation_prompt=True, tokenize=True, return_dict=False
            )
        except Exception as error:  # jinja's, and whatever a template raises itself
            raise EvalError(
                f"{benchmark.path}: the model's chat template cannot render problem {problem.id!r} ({error}); "
                "prepare the benchmark with the roles that the template knows"
            ) from error
        count = ids.count(bos) if bos is not None else 0
        if count > 1 or (adds_bos and count == 0):
            raise EvalError(
                f"{benchmark.path}: the prompt of problem {problem.id!r} has {count} BOS tokens "
                f"({tokenizer.bos_token!r}) instead of one; mend the chat template, or the prompt if it spells the "
                "token out"
            )
        prompts.append(list(ids))
    return prompts


def prompts_sha256(prompts: Sequence[Sequence[int]]) -> str:
    """Hash of all token ids of a benchmark: equal hashes are the same prompts to the last token."""
    digest = hashlib.sha256()
    for ids in prompts:
        digest.update(",".join(map(str, ids)).encode() + b"\n")
    return digest.hexdigest()
