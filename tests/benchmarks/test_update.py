"""The benchmark of a recipe's update, as far as it goes without the recipe's GPU."""

from benchmarks.update import batch, single
from dgpo.config.compose import compose_config, resolved
from dgpo.config.memory.setup import setup_from


def test_a_recipe_is_put_on_one_device_and_its_batch_fills_two_micro_batches() -> None:
    setup = setup_from(resolved(compose_config("dgpo_1_5b", single(20_000))))
    assert (setup.gpus, setup.tokens, setup.log_prob_tokens) == (1, 20_000, 20_000)
    sequences = batch(setup.tokens, setup.longest, setup.shape.vocabulary)["input_ids"].unbind()
    assert {len(sequence) for sequence in sequences} == {setup.longest}
    assert len(sequences) * setup.longest <= 2 * setup.tokens < (len(sequences) + 2) * setup.longest
