"""The losses of unlearning: values that can be worked out by hand, and what may not change them."""

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dgpo.unlearning.losses import ALTERNATIVE, METHODS, RETAIN, Counts, Method, Tokens, total, values_of
from dgpo.unlearning.palu import ORDINARY, PREFIX, REST, palu_terms

V, H = 11, 6
# Two answers to forget, each followed by its alternative, then a retain row.
CLASSES = [PREFIX, REST, ORDINARY, ALTERNATIVE, ALTERNATIVE]
CLASSES += [ORDINARY, PREFIX, PREFIX, REST, ALTERNATIVE]
CLASSES += [RETAIN, RETAIN]
ANSWERS = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, -1, -1]
MICRO_BATCHES = ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10], [11])


def tensors(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return {
        "hidden": normal(len(CLASSES), H),
        "head": normal(V, H),
        "ref_hidden": normal(len(CLASSES), H),
        "ref_head": normal(V, H),
        "labels": torch.randint(V, (len(CLASSES),), generator=generator),
        "token_class": torch.tensor(CLASSES),
    }


def loss_of(method: Method, given: dict[str, Tensor], rows: list[int], chunk: int = 1024) -> Tensor:
    """The share of the rows' tokens in the loss of all, the reference's states chosen as the engine does."""
    found = {name: value if "head" in name else value[rows] for name, value in given.items()}
    forget = found["token_class"] != RETAIN
    values = values_of(
        method,
        found["hidden"],
        lambda hidden: hidden @ given["head"].T,
        found["labels"],
        found["token_class"],
        found["ref_hidden"][forget],
        given["ref_head"],
        chunk,
    )
    counts = Counts(Counter(CLASSES), 2)
    return total(method, values, Tokens(found["token_class"], torch.tensor(ANSWERS)[rows], counts))[0]


def method(name: str) -> Method:
    return METHODS[name](**({"top_k": 4} if name == "palu" else {}), retain_weight=0.7)


@pytest.mark.parametrize("name", sorted({*METHODS} - {"rmu"}))
def test_loss_and_gradient_do_not_depend_on_micro_batches_nor_on_chunks(name: str) -> None:
    gradients, losses = [], []
    for batches, chunk in (([list(range(len(CLASSES)))], 1024), (MICRO_BATCHES, 1024), (MICRO_BATCHES, 2)):
        given = tensors()
        given["hidden"].requires_grad_()
        given["head"].requires_grad_()
        loss = torch.stack([loss_of(method(name), given, rows, chunk) for rows in batches]).sum()
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([given["hidden"].grad, given["head"].grad]))  # pyright: ignore
    assert losses == pytest.approx([losses[0]] * 3) and losses[0] != 0
    for gradient in gradients[1:]:
        assert torch.allclose(gradient, gradients[0])


def test_palu_of_a_batch_is_what_palu_terms_says() -> None:
    given = tensors()
    logits, before = given["hidden"] @ given["head"].T, given["ref_hidden"] @ given["ref_head"].T
    own = [kind if kind in (PREFIX, REST, ORDINARY) else 0 for kind in CLASSES]
    flatten, preserve = palu_terms(logits[None], before[None], torch.tensor([own]), top_k=4)
    retain = -logits.log_softmax(-1)[range(10, 12), given["labels"][10:]].mean()
    expected = flatten + preserve + 0.7 * retain
    assert loss_of(method("palu"), given, list(range(12))).item() == pytest.approx(expected.item())


def terms_of(one: Method, logits: list[list[float]], before: list[list[float]], classes: list[int]) -> dict[str, float]:
    """Terms of one answer whose true tokens are all number 0."""
    z, f = (torch.tensor(rows, dtype=torch.float64) for rows in (logits, before))
    kinds, labels = torch.tensor(classes), torch.zeros(len(classes), dtype=torch.long)
    tokens = Tokens(kinds, torch.zeros_like(kinds), Counts(Counter(classes), 1))
    terms = one.terms(one.token_values(z, f, labels, kinds), tokens)
    return {name: term.item() for name, term in terms.items()}


def test_values_by_hand() -> None:
    # p(y) is a half now and was four fifths before.
    now, before = [[0.0, 0.0]], [[math.log(4), 0.0]]
    half, gone = math.log(2), math.log(0.8 / 0.5)

    def of(name: str, **settings: float) -> float:
        return terms_of(METHODS[name](**settings), now, before, [ORDINARY])["forget"]

    assert of("grad_ascent") == pytest.approx(-half)
    assert of("npo", beta=0.5) == pytest.approx(-4 * math.log(1 / (1 + math.exp(-0.5 * gone))))
    assert of("simnpo", beta=2.0, delta=0.1) == pytest.approx(-math.log(1 / (1 + math.exp(-2 * (half - 0.1)))))
    assert of("wga", beta1=2.0, beta2=1.0) == pytest.approx(-(0.5**3) * half)
    # Lowered by log 4 the logit is 0: the target is even, and so is the model.
    assert of("undial", beta=math.log(4)) == pytest.approx(half)
    assert terms_of(METHODS["pdu"](), [[3.0, 1.0]], before, [PREFIX])["forget"] == pytest.approx(1.0)
    tpo = terms_of(METHODS["tpo"](beta=1.0), now * 2, before * 2, [PREFIX, ORDINARY])
    assert tpo == pytest.approx({"forget": -2 * math.log(1 / (1 + 1 / 4)), "preserve": half})


def test_pdu_weighs_retain_rows_more_while_their_loss_is_over_the_limit() -> None:
    start = METHODS["pdu"](retain_weight=1.0, retain_limit=0.5, dual_step=2.0)
    more = start.after({"forget": 9.0, "retain": 0.75})
    assert more == replace(start, retain_weight=1.5) and more.weights()["retain"] == 1.5
    assert more.after({"retain": 0.25}).adapted() == {"retain_weight": 1.0}
    # A weight of zero holds nothing, and the loss of retain rows is still there to raise it.
    none = more.after({"retain": -5.0})
    assert none.adapted() == {"retain_weight": 0.0}
    kinds = torch.tensor([ORDINARY, RETAIN])
    tokens = Tokens(kinds, torch.tensor([0, -1]), Counts(Counter(kinds.tolist()), 1))
    loss, terms = total(none, torch.tensor([3.0, 4.0]), tokens)
    assert (loss.item(), terms["retain"].item()) == (3.0, 4.0)
    assert METHODS["npo"]().after({"retain": 9.0}) == METHODS["npo"]()


def test_ce_u_leaves_out_the_first_token_of_each_answer() -> None:
    # Without the true token the target is the other one, whose probability is a half.
    even = [[0.0, 0.0]]
    assert terms_of(METHODS["ce_u"](), [[9.0, 0.0], *even * 2], even * 3, [ORDINARY] * 3)["forget"] == pytest.approx(
        math.log(2)
    )


def test_an_answer_is_worth_less_the_likelier_its_alternative() -> None:
    kinds, answers = torch.tensor([ORDINARY, ALTERNATIVE]), torch.tensor([0, 0])
    tokens = Tokens(kinds, answers, Counts(Counter(kinds.tolist()), 1))
    one = METHODS["idk_dpo"](beta=1.0)
    # The answer lost one nat, and the alternative gained two.
    assert one.terms(torch.tensor([1.0, -2.0]), tokens)["forget"].item() == pytest.approx(2 * math.log1p(math.exp(-3)))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("palu", {"kl_direction": "ref"}, "kl_direction='ref'"),
        ("palu", {"preserve_weight": -1.0}, "preserve_weight=-1"),
        ("palu", {"retain_weight": math.nan}, "retain_weight=nan"),
        ("palu", {"top_k": V + 1}, "top_k=12"),
        ("rmu", {"layer": 2}, "layer=2: expected 0 to 1"),
        ("pdu", {"retain_weight": 0.0}, "retain_weight=0"),
        ("pdu", {"dual_step": -1.0}, "dual_step=-1"),
    ],
)
def test_settings_that_mean_nothing_or_fit_no_model_are_refused(name: str, settings: dict, message: str) -> None:
    METHODS[name](**({"top_k": V} if name == "palu" else {"layer": 1} if name == "rmu" else {})).check(V, 2)
    with pytest.raises(ValueError, match=message):
        METHODS[name](**settings).check(V, 2)


def test_representations_go_to_one_direction_and_those_of_retain_rows_stay() -> None:
    rmu = METHODS["rmu"](scale=3.0)
    kinds = torch.tensor([ORDINARY, PREFIX, RETAIN])
    hidden, before = torch.randn(3, H), torch.randn(3, H)
    values = rmu.hidden_values(hidden, before, kinds)
    assert values[2].item() == pytest.approx((hidden[2] - before[2]).square().mean().item(), rel=1e-5)
    # Zero where the state is the target, which is the same for every token and has the length that is asked for.
    target = torch.zeros(1, H, requires_grad=True)
    (gradient,) = torch.autograd.grad(rmu.hidden_values(target, target.detach(), kinds[:1]).sum(), target)
    direction = -gradient[0] * H / 2
    assert direction.norm().item() == pytest.approx(3.0, rel=1e-5)
    assert rmu.hidden_values(direction.expand(2, H), before[:2], kinds[:2]).abs().max() < 1e-9
