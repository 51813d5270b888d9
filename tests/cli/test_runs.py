"""Bad input to the commands that read runs: one message and status 2, whatever is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

STEP = json.dumps({"step": 1, "data": {"actor/grad_norm": 1.0, "timing_s/step": 2.0}}) + "\n"
ACTOR = {
    "actor": {
        "clip_ratio_low": 0.2,
        "clip_ratio_high": 0.2,
        "policy_loss": {"loss_mode": "dgpo", "n": 1, "m": 2, "dual_clip": False},
    }
}
SAMPLED = {"rollout": {"val_kwargs": {"temperature": 1.0, "top_p": 1.0, "top_k": -1}}}


def make_run(folder: Path, *, metrics: str | None = STEP, config: object = None, **files: bytes) -> Path:
    """A run folder; keywords are files below it, with ``__`` for a slash."""
    folder.mkdir(parents=True)
    if metrics is not None:
        files["metrics__001.jsonl"] = metrics.encode()
    config = {"actor_rollout_ref": {**ACTOR, **SAMPLED}} if config is None else config
    files.setdefault(
        "config.yaml",
        yaml.safe_dump(config).encode(),
    )
    for name, content in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


RUNS = {
    "empty": {"metrics": None},
    "torn": {"metrics": "{}\n"},
    "binary": {"metrics": "\x00\n"},
    "list": {"config": [1]},
    "yaml": {"config.yaml": b"a: [\n"},
    "bytes": {"config.yaml": b"\xff\xfe\xff"},
    "other": {"config": {"actor_rollout_ref": {"actor": {}}}},
    "partial": {"checkpoints__global_step_2__data.pt": b""},
    "shardless": {"checkpoints__global_step_2__manifest.json": b'{"files": {}}'},
    "whole": {"tokens__rank-0.npy": b""},
    "garbled": {"tokens__rank-0.npy": b"garbled"},
    "vanilla": {"config": {"actor_rollout_ref": {"actor": {"policy_loss": {"loss_mode": "vanilla"}}}}},
}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("report", "Missing argument"),
        ("report {}/nothing", "nothing: there are no metrics"),
        ("report {}/file", "file: there are no metrics"),
        ("report {}/empty", "there are no metrics"),
        ("report {}/torn", "is no step of a run"),
        ("report {}/binary", "is no step of a run"),
        ("report {}/list", "is no config"),
        ("report {}/yaml", "config.yaml: no config can be loaded"),
        ("report {}/bytes", "config.yaml: no config can be loaded"),
        ("report {}/other", "actor_rollout_ref.rollout.val_kwargs"),
        ("report {}/whole --out x", "No such option: --out"),
        ("compare", "Missing argument"),
        ("compare {}/whole", "Missing option '--out'"),
        ("compare --out {}/out", "Missing argument"),
        ("compare {}/whole {}/nothing --out {}/out", "nothing/config.yaml: no config can be loaded"),
        ("compare {}/other --out {}/out", "has no actor_rollout_ref.actor.policy_loss.loss_mode"),
        ("compare {}/empty --out {}/out", "there are no metrics"),
        ("compare {}/whole --out {}/file", "--out={}/file: there can be no such folder"),
        ("compare {}/whole --out {}/file/below", "--out={}/file/below: there can be no such folder"),
        ("export", "Missing argument"),
        ("export {}/whole", "--out: it is missing"),
        ("export {}/nothing --out {}/out", "nothing: there is no complete checkpoint"),
        ("export {}/file --out {}/out", "file: there is no complete checkpoint"),
        ("export {}/whole --out {}/out", "there is no complete checkpoint"),
        ("export {}/partial --out {}/out", "there is no complete checkpoint"),
        ("export {}/partial/checkpoints/global_step_2 --out {}/out", "it has no manifest"),
        ("export {}/global_step_x --out {}/out", "its name has no step"),
        ("export {}/shardless --out {}/out", "it has no actor/fsdp_config.json"),
        ("export {}/shardless --out {}/whole", "--out={}/whole: it exists"),
        ("export {}/shardless --best", "no complete checkpoint was validated"),
        ("export {}/nothing --best", "no complete checkpoint was validated"),
        ("export {}/shardless/checkpoints/global_step_2 --best", "give the run folder"),
        ("plot weights --methods nope --out {}/out", "--methods nope: unknown policy-loss method 'nope'"),
        ("plot weights --methods grpo dgpo:n --out {}/out", "--methods dgpo:n: 'n' must be name=value"),
        ("plot weights --out {}/file/below", "--out={}/file/below: there can be no such folder"),
        ("plot weights --old-prob 1 --out {}/out", "--old-prob=1.0 must be a number in (0, 1)"),
        ("plot weights --advantage nan --out {}/out", "--advantage=nan must be a number"),
        ("plot weights --clip-ratio-low 1 --out {}/out", "clip_ratio_low=1.0 must be a number"),
        ("plot weights --clip-ratio-high -1 --out {}/out", "clip_ratio_high=-1.0 must be a number"),
        ("plot weights --clip-ratio-high x", "unable to parse string as a number"),
        ("plot distribution", "Missing argument"),
        ("plot distribution {}/nothing", "config.yaml: no config can be loaded"),
        ("plot distribution {}/partial", "run.keep_rollouts=2"),
        ("plot distribution {}/whole", "run.keep_rollouts=2"),
        ("plot distribution {}/garbled", "garbled: "),
        ("plot distribution {}/vanilla", "loss_mode='vanilla'"),
        ("plot distribution {}/other", "policy_loss"),
    ],
)
def test_bad_input_ends_in_one_message_and_leaves_nothing_behind(
    command: str, says: str, refused: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for name, content in RUNS.items():
        if f"/{name}" in command:
            make_run(tmp_path / name, **content)  # pyright: ignore[reportArgumentType]
    command, says = (text.replace("{}", str(tmp_path)) for text in (command, says))
    assert says in refused(*command.split()) and not (tmp_path / "out").exists()
