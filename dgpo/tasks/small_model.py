"""A Qwen2 small enough to train on a laptop: random weights, and a tokenizer with one token per character.

What is unusual about it is what verl and vLLM ask for: "\\n" is one token (verl's Qwen chat-template check),
the vocabulary of the model is exactly that of the tokenizer (verl masks ids beyond the tokenizer in vLLM and
not in the actor, which would show as a gap between their log-probs), and the head size is one that vLLM's CPU
attention has.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dgpo.errors import UserError
from dgpo.files import make_folder

if TYPE_CHECKING:
    from transformers import Qwen2Config, Qwen2Tokenizer

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

VLLM_CPU_HEAD_SIZES = (32, 64, 80, 96, 112, 128)
"""Head sizes of vLLM's CPU attention (`CPUAttentionBackend.get_supported_head_sizes`), to 128."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
MAX_LENGTH = 512
MAX_HIDDEN_SIZE, MAX_LAYERS = 2048, 64
MAX_SEED = 2**32 - 1
"""Of the generators of numpy and torch."""


def character_tokenizer() -> Qwen2Tokenizer:
    """Qwen's tokenizer without merges: a token for each of the 256 bytes, and three special ones.

    A character of ASCII is one token, so `len` of a text in digits and signs is its number of tokens; any
    other text can be spelt too. ChatML as Qwen writes it, without a default system message; a turn ends with
    `<|im_end|>`, which also ends a sequence; padding has its own token; there is no beginning-of-sequence
    token.
    """
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Tokenizer

    # Qwen2's own class and not a bare PreTrainedTokenizerFast: for a Qwen2 model AutoTokenizer loads this
    # class whatever the files say, and it puts its byte-level splitting in place of any other.
    vocabulary = {token: id for id, token in enumerate([PAD, START, END, *sorted(ByteLevel.alphabet())])}
    return Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],
        unk_token=None,  # pyright: ignore[reportArgumentType]  (every byte is in the vocabulary)
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START],
        chat_template=CHAT_TEMPLATE,
        model_max_length=MAX_LENGTH,
        padding_side="left",
    )


def model_config(tokenizer: Qwen2Tokenizer, *, hidden_size: int, layers: int, head_size: int) -> Qwen2Config:
    """Qwen2 with as many heads as fit, no grouped queries, untied embeddings, and `len(tokenizer)` tokens.

    Raises UserError where `head_size` is unknown to vLLM on a CPU or does not divide `hidden_size`, or the model is
    none that a laptop trains.
    """
    from transformers import Qwen2Config

    if head_size not in VLLM_CPU_HEAD_SIZES:
        sizes = ", ".join(map(str, VLLM_CPU_HEAD_SIZES))
        raise UserError(f"head_size={head_size}: vLLM on a CPU has {sizes}; use one of them")
    if not head_size <= hidden_size <= MAX_HIDDEN_SIZE or hidden_size % head_size:
        raise UserError(f"hidden_size={hidden_size}: use a multiple of head_size={head_size}, to {MAX_HIDDEN_SIZE}")
    if not 1 <= layers <= MAX_LAYERS:
        raise UserError(f"layers={layers}: use at least 1, at most {MAX_LAYERS}")
    heads = hidden_size // head_size
    return Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        intermediate_size=3 * hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,  # pyright: ignore[reportArgumentType]
        eos_token_id=tokenizer.eos_token_id,  # pyright: ignore[reportArgumentType]
        bos_token_id=None,
        dtype="float32",
    )


def create(
    out_dir: str | Path,
    seed: int,
    *,
    hidden_size: int = 128,
    layers: int = 4,
    head_size: int = 32,
    texts: Iterable[str] = (),
    vocabulary: int = 0,
) -> tuple[Path, int]:
    """Saves tokenizer, random model and generation config to `out_dir`; returns it and the number of
    parameters.

    The default model has 0.9 M parameters in float32. The same arguments give the same weights; the caller's
    random state is left as it was. With `texts`, the tokenizer has a `vocabulary` of that size made of them.

    Raises UserError for a seed, a size or a folder that cannot be used.
    """
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"seed={seed}: use a whole number from 0 to {MAX_SEED}")
    out_dir = Path(out_dir)
    if any(out_dir.glob("*.safetensors")):
        raise UserError(f"out={out_dir}: it holds a model, which would be written over; name another folder")
    import torch
    from transformers import GenerationConfig, Qwen2ForCausalLM

    tokenizer = character_tokenizer()
    if vocabulary:
        tokenizer = tokenizer.train_new_from_iterator(texts, vocab_size=vocabulary)
    config = model_config(tokenizer, hidden_size=hidden_size, layers=layers, head_size=head_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(config)
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    make_folder(out_dir, "out")  # save_pretrained writes nothing, and says nothing, where a file is
    tokenizer.save_pretrained(out_dir)
    model.save_pretrained(out_dir)
    return out_dir, model.num_parameters()
