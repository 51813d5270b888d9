"""The files of a model's folder: whether they are those of a whole model, and one that can be trained."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dgpo.errors import UserError, loading, one_line
from dgpo.files import disguise, json_object

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")
# What there may be instead of a config and weights: a file of it, what it is, and what to do.
_INSTEAD = (
    ("adapter_config.json", "is a LoRA adapter, without its base model", "merge it into its base: merge_and_unload"),
    ("snapshots", "is the hub's cache of a model, not its folder", "give the folder in its snapshots/"),
    ("*.gguf", "has its weights as GGUF, which is for inference alone", "give the folder that it was made from"),
    (
        "pytorch_model*.bin",
        "has its weights as pickles (*.bin), which may run code",
        "write them as safetensors: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(FOLDER)",
    ),
    *(
        (f"{place}_*", "is of a run, whose weights are in shards", "write them as a model: dgpo export RUN --out DIR")
        for place in ("checkpoints/global_step", "global_step", "*/model_world_size", "../model_world_size")
    ),
)


def folder_fault(folder: Path) -> tuple[str, str] | None:
    """What is wrong with a model's folder, and the remedy; None where its config, weights and tokenizer are there and
    are what their names say."""
    for file in sorted(folder.glob("*")):
        if file.is_symlink() and not file.exists():
            return f"its {file.name} is a link to a file that is not here", "copy the model by cp -rL"
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        for pattern, what, remedy in _INSTEAD:
            if any(folder.glob(pattern)):
                return f"it {what}", remedy
        lacking = "config.json" if weights else "weights (*.safetensors)"
        return f"it has no {lacking}", "give a complete Hugging Face model directory"
    if all((folder / f"model.safetensors{end}").is_file() for end in ("", ".index.json")):
        message = "it names its weights twice: transformers would read model.safetensors, vLLM those of its .index.json"
        return message, "delete the older of the two, with its weights"
    for file in (*weights, *(folder / name for name in TOKENIZER_FILES if (folder / name).is_file())):
        if what := disguise(file):
            message, _, remedy = what.partition("; ")
            return f"its {file.name} {message}", remedy
    if not has_tokenizer(folder):
        return "it has no tokenizer (tokenizer.json)", "save the tokenizer there: tokenizer.save_pretrained"
    for file in weights:
        try:
            if what := _value_fault(file):
                return f"its {file.name} {what}", "give another, or copy or download it again"
        except Exception as error:  # safetensors' own kind, which is an Exception
            return f"its {file.name} is damaged or cut short ({one_line(error)})", "copy or download it again"
    if not (settings := json_object(folder / "config.json")):
        return "it cannot be loaded: its config.json is damaged, or no object", "copy or download it again"
    if (file := folder / "generation_config.json").is_file() and not json_object(file):
        message = f"its {file.name}, which has its end tokens, is damaged, empty or no object"
        return message, "copy or download it again, or delete it, so that the tokenizer's end token alone counts"
    if settings.get("tie_word_embeddings") and (pair := head_and_embedding(folder)):
        head, embedding = (tensor[:] for tensor in pair)
        if head.shape != embedding.shape or not (head == embedding).all():
            message = "its config.json has tie_word_embeddings=true, but the output layer in its files is another"
            return message, "set it to false there, or drop lm_head.weight: vLLM would answer by the embedding"
    return None


def model_fault(
    folder: Path, *, config: str = "", trusted: bool = False, trains: bool = True
) -> tuple[str, str] | None:
    """As `folder_fault`; None where transformers also loads the model as it was saved.

    Args:
        config: folder of the config, where it is another one.
        trusted: whether code in the folder may run.
        trains: whether it is to be trained, which quantized weights cannot be.
    """
    if fault := folder_fault(folder):
        return fault
    defect = _load_defect(folder, config or str(folder), trusted, trains)
    return (defect, "give a complete model directory that transformers loads") if defect else None


def _load_defect(folder: Path, config: str, trusted: bool, trains: bool) -> str:
    """Why the model would not be loaded as it was saved; "" where it would. Of the files, the headers are read.

    transformers draws weights at random that the files lack, and says so only in a log.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
    from transformers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity(50)  # the message below says it in fewer words
    try:
        settings: Any = AutoConfig.from_pretrained(config, trust_remote_code=trusted)
        if quantized := getattr(settings, "quantization_config", None):
            method = quantized.get("quant_method", "") if isinstance(quantized, dict) else ""
            what = f"its weights are quantized ({method or 'quantization_config'}), which cannot be trained"
            return what if trains else ""
        if len(settings.architectures or ()) != 1:
            return f"its config.json must name one class, and architectures is {settings.architectures}"
        sees = type(settings) in AutoModelForImageTextToText._model_mapping.keys()  # noqa: SIM118
        if not sees and "CausalLM" not in settings.architectures[0]:
            return f"it does not write text: its config.json has architectures={list(settings.architectures)}"
        if head_and_embedding(folder):
            settings.tie_word_embeddings = False  # else transformers would compare them, without their values
        chosen: Any = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        options: dict[str, Any] = {"config": settings, "trust_remote_code": trusted, "device_map": "meta"}
        _, found = chosen.from_pretrained(folder, **options, ignore_mismatched_sizes=True, output_loading_info=True)
    except Exception as error:  # what transformers, safetensors and a model's own code raise
        return f"it cannot be loaded: {one_line(error)}"
    finally:
        logging.set_verbosity(verbosity)
    if others := sorted(found["mismatched_keys"]):
        return f"its config.json is of another model: {others[0][0]} has the shape {[*others[0][1]]} in the files"
    if missing := sorted(found["missing_keys"]):
        return f"its files lack weights, {len(missing)} in all, which would be random numbers; the first: {missing[0]}"
    if unused := sorted(name for name in found["unexpected_keys"] if re.search(r"layers\.\d+\..*weight$", name)):
        return f"its config.json is of a smaller model: {len(unused)} weights would be left out; the first: {unused[0]}"
    return ""


def _value_fault(file: Path) -> str:
    """What is wrong with the values in a file of weights, by a sample of each tensor's rows; "" for nothing.

    NaN spreads in training, and a download that did not end leaves zeros.
    """
    is_zero = list[bool]()  # of each matrix
    for name, tensor in tensors(file):
        if (shape := tensor.get_shape()) and tensor.get_dtype() in ("F64", "F32", "F16", "BF16"):
            rows = tensor[tuple(slice(None, None, max(1, size // 16)) for size in shape[:-1]) or slice(None)]
            if not rows.isfinite().all():
                return f"has weights that are no finite numbers, as of a run that diverged; the first: {name}"
            if len(shape) > 1:
                is_zero.append(not rows.any())
    if sum(is_zero) * 2 > len(is_zero):  # a method may begin with a few
        return f"holds zeros alone in {sum(is_zero)} of {len(is_zero)} matrices, as of half a download"
    return ""


def weights_digests(*folders: Path) -> dict[str, str]:
    """SHA-256 of the size and of the first and last MiB of each file of weights in models' folders, by its path: enough
    to tell trained weights apart."""
    digests = dict[str, str]()
    for path in (path for folder in folders for path in sorted(folder.glob("*.safetensors"))):
        with path.open("rb") as file:
            size = file.seek(0, 2)
            parts = [str(size).encode()]
            for place in (0, max(0, size - 2**20)):
                file.seek(place)
                parts.append(file.read(2**20))
        digests[str(path)] = hashlib.sha256(b"".join(parts)).hexdigest()
    return digests


def is_hub_id(name: str) -> bool:
    """Whether a name is one on the hub, organisation/name, and no path in a folder that is here."""
    return re.fullmatch(r"\w[\w.-]*/[\w.-]+", name) is not None and not Path(name).parent.is_dir()


def has_tokenizer(folder: str | Path) -> bool:
    return any(Path(folder, name).is_file() for name in TOKENIZER_FILES)


def refuse(said: str, fault: tuple[str, str] | None) -> None:
    """Raises UserError where there is a fault, and its remedy, of what the user said, such as ``--model=DIR``."""
    if fault:
        raise UserError(f"{said}: {fault[0]}; {fault[1]}")


def chat_tokenizer(folder: Path, option: str) -> Any:
    """The tokenizer of a model's folder.

    Raises UserError, which begins with the option, where it cannot be loaded or has no chat template.
    """
    from transformers import AutoTokenizer

    with loading("tokenizer", option, "give a whole model folder"):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    templates = tokenizer.chat_template
    if not (templates.get("default") if isinstance(templates, dict) else templates):
        raise UserError(
            f"{option}: its tokenizer has no chat template, so its prompts would not be the ones that it was trained "
            "on; choose an instruction-tuned model, or add chat_template.jinja to its folder"
        )
    return tokenizer


def tokenizer_fault(
    folder: Path, tokenizer: Any, prompt: Sequence[Mapping[str, Any]], tokens: Sequence[int]
) -> tuple[str, str] | None:
    """What is wrong with the tokenizer for the model in a folder, and the remedy, by the messages of a prompt and the
    tokens that its chat template makes of them."""
    asked = [each["content"] for each in prompt if each["role"] == "user" and isinstance(each["content"], str)][-1:]
    read = tokenizer.decode(tokens)
    if any(_letters(text) not in _letters(read) for text in asked):
        message = f"with its tokenizer and chat template the model reads {read[-60:]!r} of a prompt, not its question"
        return message, "give a directory with all files of the tokenizer, and its chat template"
    if tokenizer.eos_token_id is None:
        message = "its tokenizer has no end token (eos_token), so that every answer would be cut off at its length"
        return message, "name it in tokenizer_config.json, as the model was trained to write it"
    rows = json_object(folder / "config.json").get("vocab_size")
    if rows and (highest := max(tokenizer.eos_token_id, *tokens)) >= rows:
        message = f"its tokenizer is of another model: it gives the token {highest}, and the model has {rows}"
        return message, "give the tokenizer that the model was trained with"
    return None


def _letters(text: str) -> str:
    """What no tokenizer may change: letters and digits, of whatever form."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def head_and_embedding(folder: Path) -> list[Any]:
    """The output layer and the embedding as `tensors` has them; empty where the files lack either."""
    ends = ("lm_head.weight", "embed_tokens.weight")
    every = tensors(*folder.glob("*.safetensors"))
    found = {end: tensor for name, tensor in every for end in ends if name.endswith(end)}
    return [found[end] for end in ends] if len(found) == 2 else []


def tensors(*files: Path) -> Iterator[tuple[str, Any]]:
    """Name and slice of each tensor in files of weights; ``slice[:]`` reads it."""
    from safetensors import safe_open

    for file in files:
        with safe_open(file, "pt") as opened:
            yield from ((name, opened.get_slice(name)) for name in opened.keys())  # noqa: SIM118
