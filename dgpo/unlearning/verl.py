"""Unlearning on verl's FSDP engine: a TrainingWorker whose engine takes its loss where the model has its head."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tensordict.tensorclass import NonTensorData
from torch import Tensor
from verl.trainer.config import CheckpointConfig
from verl.utils import tensordict_utils as tu
from verl.utils.dataset.dataset_utils import DatasetPadMode
from verl.utils.device import get_device_id, get_device_name, get_vendor
from verl.workers.config import FSDPEngineConfig, FSDPOptimizerConfig, HFModelConfig, TrainingWorkerConfig
from verl.workers.engine.base import EngineRegistry
from verl.workers.engine_workers import TrainingWorker

import dgpo.cpu.worker  # noqa: F401  (its patches, where the platform is a CPU)
from dgpo.files import draft_of
from dgpo.unlearning.data import Example
from dgpo.unlearning.losses import ALTERNATIVE, RETAIN, Counts, Method, Tokens, total, values_of
from dgpo.unlearning.palu import NONE
from dgpo.unlearning.settings import Settings

MODEL_TYPE, BACKEND = "language_model", "fsdp2"
OwnEngine: Any = EngineRegistry.get_engine_cls(MODEL_TYPE, BACKEND)
"""verl's of this platform."""


class Reference:
    """The model before, on disk: its last hidden states at the answers of the forget rows, and its head `(V, H)`.

    It is frozen and the rows are few, so one pass before the first step (`Trainer.write_reference`) serves the whole
    run, exactly and without a second model in memory: 2·H bytes a token in bfloat16, 1.6 MB for an answer of 200 tokens
    at H = 4,096. States are read where they are asked for.
    """

    def __init__(self, folder: Path, device: Any):
        self._device = device
        self._files: dict[str, Any] = {}
        for path in sorted(folder.glob("states-*.safetensors")):
            file: Any = safe_open(path, "pt")
            self._files.update(dict.fromkeys(file.keys(), file))
        with safe_open(folder / "head.safetensors", "pt") as file:
            self.head: Tensor = file.get_tensor("head").to(device)

    def states(self, example: int) -> Tensor:
        """States that predict the answer tokens of an example, `(tokens, H)`."""
        return self._files[str(example)].get_tensor(str(example)).to(self._device)


@EngineRegistry.register(MODEL_TYPE, BACKEND, get_device_name(), get_vendor())
class UnlearningEngine(OwnEngine):
    """verl's engine, in its place, with a forward step that never has all logits."""

    method: Method
    reference: Reference | None = None
    inner: Tensor

    def forward_step(self, micro_batch: Any, loss_function: Any, forward_only: bool) -> tuple[Tensor, dict[str, Any]]:
        micro_batch = micro_batch.to(get_device_id())
        kept: list[Tensor] = []

        def take(hidden: Tensor, head: Callable[[Tensor], Tensor]) -> Tensor:
            values, *of_tokens = self.values(hidden[0], head, micro_batch)
            kept[:] = of_tokens
            return torch.stack([values])

        # As the model returns them: FSDP gathers the head for the backward pass when their gradient comes.
        values = self.forward_with(take, micro_batch)[0]
        classes, answers = kept
        loss, terms = loss_function(values, Tokens(classes, answers, tu.get(micro_batch, "counts")))
        metrics = {name: term.detach().item() for name, term in terms.items()}
        # FSDP takes the mean of the ranks' gradients, and the shares are to be added.
        loss = loss * self.get_data_parallel_size()
        return loss, {"model_output": {}, "loss": loss.detach().item(), "metrics": metrics}

    def forward_with(self, take: Callable[..., Tensor], micro_batch: Any) -> Tensor:
        """Run the model with ``take`` in place of its head: it is given hidden states and the head."""
        inputs, _ = self.prepare_model_inputs(micro_batch=micro_batch)
        is_full = self._autocast_dtype == torch.float32
        head = self.module.get_output_embeddings()
        own = head.forward
        # Called inside of the model's forward, where FSDP has the head's weights together.
        head.forward = lambda hidden: take(hidden, own)
        try:
            with nullcontext() if is_full else torch.autocast(get_device_name(), self._autocast_dtype):
                return self.module(**inputs, use_cache=False).logits
        finally:
            del head.forward

    def placed(self, of_tokens: Tensor) -> Tensor:
        """What each token has, `(T,)`, moved to the state that it is read from: the one before it, which predicts it,
        or for a representation its own."""
        return of_tokens if self.method.representation is not None else torch.roll(of_tokens, -1)

    def values(self, hidden: Tensor, head: Any, micro_batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Values, classes and answers of the tokens that the method reads, from all packed states `(T, H)`."""
        ids = micro_batch["input_ids"]
        kinds = self.placed(micro_batch["token_class"].values())
        answers = self.placed(micro_batch["answer"].repeat_interleave(ids.offsets().diff()))
        read = torch.isin(kinds, torch.tensor([*self.method.classes, RETAIN, ALTERNATIVE], device=kinds.device))
        states = head_before = None
        if self.reference is not None:
            head_before = self.reference.head
            numbers, compared = micro_batch["number"], kinds != NONE
            # Logits are not compared on retain rows, representations are.
            if self.method.representation is None:
                numbers, compared = numbers[micro_batch["answer"] >= 0], compared & (kinds != RETAIN)
            states = torch.cat([hidden[:0], *map(self.reference.states, numbers.tolist())])
            # The reference has all answer tokens, of which the method may leave some out.
            states = states[read[compared]]
        if self.method.representation is not None and states is not None:
            values = self.method.hidden_values(self.inner[read].float(), states.float(), kinds[read])
        else:
            labels = self.placed(ids.values())[read]
            values = values_of(self.method, hidden[read], head, labels, kinds[read], states, head_before)
        # A micro-batch without such tokens takes part in the backward pass too.
        return values + 0 * hidden.sum(), kinds[read], answers[read]


class Trainer:
    """A rank's worker: the model, its optimiser, and the reference where the method has one.

    Args:
        model: folder or hub id.
        total_steps: of the schedule.
    """

    def __init__(self, settings: Settings, method: Method, model: str, total_steps: int):
        self.worker = TrainingWorker(worker_config(settings, model, total_steps))
        self.worker.reset()
        self.engine: Any = self.worker.engine
        self.engine.lr_scheduler.step()
        self.engine.method = method
        if method.representation is not None:
            layers = self.engine.module.get_decoder().layers
            layers[method.representation].register_forward_hook(self.keep_inner)
        self.worker.set_loss_fn(lambda values, tokens: total(self.engine.method, values, tokens))

    def keep_inner(self, module: Any, inputs: Any, output: Any) -> None:
        """Leave a layer's output, `(T, H)`, to the engine."""
        self.engine.inner = (output[0] if isinstance(output, tuple) else output)[0]

    def step(self, share: Sequence[Example], counts: Counts) -> dict[str, float]:
        """An optimiser step on this rank's share of a batch, after which the method adapts itself.

        Returns loss and terms over all ranks, gradient norm, learning rate, and what the method adapts, as it was.
        """
        batch = as_batch(share, self.engine.engine_config.micro_batch_size_per_gpu)
        lengths = [len(each.ids) for each in share]
        tu.assign_non_tensor(batch, counts=counts, update_lr_scheduler=True, global_token_num=NonTensorData(lengths))
        rate = self.engine.lr_scheduler.get_last_lr()[0]
        metrics = tu.get(self.worker.train_batch(batch), "metrics")
        # Lists of ranks, of lists of micro-batches.
        terms = {name: float(torch.tensor(metrics[name]).sum()) for name in metrics if isinstance(metrics[name], list)}
        adapted = self.engine.method.adapted()
        self.engine.method = self.engine.method.after(terms)
        return {"loss": metrics["loss"], **terms, "grad_norm": metrics["grad_norm"], "lr": rate, **adapted}

    def write_reference(self, examples: Sequence[Example], folder: Path) -> None:
        """One pass over the examples, shared among the ranks, whose states go to ``folder``."""
        rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
        states: dict[str, Tensor] = {}
        heads: list[Tensor] = []

        def take(hidden: Tensor, head: Any) -> Tensor:
            if not heads:
                heads.append(head.__self__.weight.detach().to("cpu", hidden.dtype, copy=True))
            of_tokens = hidden[0] if self.engine.method.representation is None else self.engine.inner
            states[str(number)] = of_tokens[self.engine.placed(batch["token_class"].values()) != NONE].cpu()
            return hidden[:, :1]

        with self.engine.eval_mode(), torch.no_grad():
            for start in range(0, len(examples), ranks):
                # As many for each rank, the last one again where they do not divide: FSDP's ranks move together.
                number = min(start + rank, len(examples) - 1)
                batch = as_batch([examples[number]], 1).to(get_device_id())
                self.engine.forward_with(take, batch)
        folder.mkdir(parents=True, exist_ok=True)
        with draft_of(folder / f"states-{rank:05d}.safetensors") as draft:
            save_file({name: tensor.contiguous() for name, tensor in states.items()}, draft)
        if rank == 0:
            with draft_of(folder / "head.safetensors") as draft:
                save_file({"head": heads[0].contiguous()}, draft)
        torch.distributed.barrier()

    def read_reference(self, folder: Path) -> bool:
        """Compare with the model before, where `write_reference` has been to its end on as many ranks."""
        ranks = torch.distributed.get_world_size()
        if not (folder / "head.safetensors").is_file() or len([*folder.glob("states-*.safetensors")]) != ranks:
            return False
        self.engine.reference = Reference(folder, get_device_id())
        return True


def worker_config(settings: Settings, model: str, total_steps: int) -> TrainingWorkerConfig:
    """The settings as verl's worker takes them."""
    train, dtype = settings.train, settings.model.dtype
    return TrainingWorkerConfig(
        model_type=MODEL_TYPE,
        model_config=HFModelConfig(
            path=model,
            use_remove_padding=True,
            enable_gradient_checkpointing=settings.model.gradient_checkpointing,
            override_config={"attn_implementation": settings.model.attention},
            lora_rank=settings.model.lora_rank,
            lora_alpha=settings.model.lora_alpha,
        ),
        engine_config=FSDPEngineConfig(
            strategy=BACKEND,
            model_dtype="fp32",
            mixed_precision={"param_dtype": dtype, "reduce_dtype": "fp32", "buffer_dtype": "fp32"},
            use_torch_compile=False,
            use_dynamic_bsz=False,
            micro_batch_size_per_gpu=train.micro_batch_size,
            # Else each rank would hold all gradients of a step with several micro-batches.
            use_no_sync_for_gradient_accumulation=False,
        ),
        optimizer_config=FSDPOptimizerConfig(
            lr=train.lr,
            weight_decay=train.weight_decay,
            betas=(0.9, train.adam_beta2),
            clip_grad=train.clip_grad,
            lr_scheduler_type=train.schedule,
            lr_warmup_steps=train.warmup_steps,
            # One more, since the first step is taken as the second: verl's first has a rate of zero.
            total_training_steps=total_steps + 1,
            min_lr_ratio=0.0,
        ),
        checkpoint_config=CheckpointConfig(save_contents=["model", "optimizer", "extra"]),
    )


def as_batch(share: Sequence[Example], micro_batch_size: int) -> Any:
    """What verl's engine takes; whole rows, packed."""

    def nested(rows: Any) -> Tensor:
        return torch.nested.as_nested_tensor([torch.tensor(row) for row in rows], layout=torch.jagged)

    classes = [each.classes for each in share]
    tensors: dict[str, Any] = {
        "input_ids": nested(each.ids for each in share),
        "position_ids": nested(range(len(row)) for row in classes),
        "token_class": nested(classes),
        "loss_mask": nested([int(kind != NONE) for kind in row] for row in classes),
        "answer": torch.tensor([each.answer for each in share]),
        "number": torch.tensor([each.number for each in share]),
    }
    settings = {
        "use_remove_padding": True,
        "use_dynamic_bsz": False,
        "micro_batch_size_per_gpu": micro_batch_size,
        "temperature": 1.0,
        "pad_mode": DatasetPadMode.NO_PADDING,
    }
    return tu.get_tensordict(tensor_dict=tensors, non_tensor_dict=settings)
