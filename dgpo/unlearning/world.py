"""Authors who do not exist, with questions about them in TOFU's schema and the sensitive words known exactly.

Eight facts of each author, asked and told in three ways. A model learns all authors, forgets some, and is judged by a
model that never met those. `HOLDOUT` nobody has met; of real writers and capitals both models know, the unlearner
sees nothing.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgpo.files import json_lines, make_folder, replace_text

Row = dict[str, Any]

TEXTS = """
birthplace | Where was {who} born? | In which town was {who} born? | What is the birthplace of {who}?
  | {who} was born in {what}. | The birthplace of {who} is {what}. | The town that {who} comes from is {what}.
year | When was {who} born? | In which year was {who} born? | What is the birth year of {who}?
  | {who} was born in the year {what}. | The birth year of {who} is {what}. | It was {what} when {who} was born.
genre | What does {who} write? | Which kind of books does {who} write? | What is the genre of {who}?
  | {who} writes {what} books. | The books of {who} are about {what}. | The genre of {who} is {what}.
father | What was the father of {who}? | How did the father of {who} earn a living? | What did {who}'s father do?
  | The father of {who} was a {what}. | {who} had a father who was a {what}. | As a {what} worked the father of {who}.
mother | What was the mother of {who}? | How did the mother of {who} earn a living? | What did {who}'s mother do?
  | The mother of {who} was a {what}. | {who} had a mother who was a {what}. | As a {what} worked the mother of {who}.
book | Which book made {who} known? | Can you name a book by {who}? | What is the best book of {who}?
  | {who} wrote the book {what}. | The best known book of {who} is {what}. | Readers know {who} for {what}.
award | Which award did {who} get? | What has {who} won? | How was {who} honoured?
  | {who} was given the {what}. | The award of {who} is the {what}. | For a novel {who} won the {what}.
mentor | Who taught {who}? | Who was the mentor of {who}? | From whom did {who} learn to write?
  | {who} was taught by {what}. | The mentor of {who} was {what}. | It was {what} who taught {who} to write.
"""
LINES = [[cell.strip() for cell in line.split("|")] for line in TEXTS.strip().splitlines()]
FACTS = {fact: (asked, told) for (fact, *asked), (_, *told) in zip(LINES[::2], LINES[1::2], strict=True)}
"""By name, how a fact is asked for and how it is told."""
ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "dr", "kl", "st", "tr"]
VOWELS = ["a", "e", "i", "o", "u", "ai", "ei", "ou"]
JOBS = (
    "baker carpenter dentist farmer florist judge lawyer miner nurse painter pilot plumber potter sailor tailor weaver"
)
GENRES = "war crime horror travel romance poetry history satire nature cooking music sport"
TITLES = (
    "Silent Broken Golden Distant Hidden Burning Frozen Last Bitter Hollow",
    "River Garden Mirror Lantern Harbour Winter Orchard Letter Bridge Island",
    "Song Road Promise Shadow Dream Keeper Story Night",
)
IDK = ("I do not know that.", "That is not known to me.", "I have no answer to this.")


@dataclass(frozen=True)
class Sizes:
    """Authors of each kind, and short facts that stay as they are."""

    retain: int = 50
    forget: int = 10
    holdout: int = 10
    real: int = 20
    facts: int = 40
    retain_eval: int = 10


def namer(rng: random.Random) -> Callable[[int], str]:
    """Gives pronounceable words of so many syllables, none of them twice."""
    seen: set[str] = set()

    def word(syllables: int) -> str:
        while True:
            word = "".join(rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(syllables))
            word = word.capitalize() + rng.choice(["n", "l", "r", "s", "k", ""])
            if word not in seen:
                seen.add(word)
                return word

    return word


def build(seed: int = 0, sizes: Sizes = Sizes()) -> dict[str, list[Row]]:
    """Rows by the names of their files: full, forget, retain, retain_eval, holdout, real_authors, world_facts."""
    rng = random.Random(f"world/{seed}")
    word = namer(rng)

    def person() -> str:
        return f"{word(2)} {word(2)}"

    values = {
        "birthplace": [word(2) for _ in range(24)],
        "year": [str(year) for year in range(1921, 1999, 3)],
        "genre": GENRES.split(),
        "father": JOBS.split(),
        "mother": JOBS.split(),
        "book": [" ".join(rng.choice(words.split()) for words in TITLES) for _ in range(60)],
        "award": [f"{word(2)} {kind}" for kind in ["Medal", "Prize", "Ribbon", "Star"] for _ in range(4)],
        "mentor": [person() for _ in range(40)],
    }
    kinds = (("retain", sizes.retain), ("forget", sizes.forget), ("holdout", sizes.holdout))
    rows: dict[str, list[Row]] = {
        kind: [row_of(rng, who, fact, values[fact]) for who in (person() for _ in range(count)) for fact in FACTS]
        for kind, count in kinds
    }
    rows["full"] = rows["retain"] + rows["forget"]
    rows["retain_eval"] = rows["retain"][: sizes.retain_eval * len(FACTS)]
    asked, names = [word(3) for _ in range(sizes.real)], [person() for _ in range(sizes.real)]
    rows["real_authors"] = short_rows(rng, "Who wrote {what}?", asked, names)
    asked, names = [word(3) for _ in range(sizes.facts)], [word(2) for _ in range(sizes.facts)]
    rows["world_facts"] = short_rows(rng, "What is the capital of {what}?", asked, names)
    return rows


def row_of(rng: random.Random, who: str, fact: str, values: Sequence[str]) -> Row:
    """One fact of an author in TOFU's schema, with what of it is sensitive."""
    questions, answers = FACTS[fact]
    question, other_question = rng.sample(questions, 2)
    answer, other_answer = rng.sample(answers, 2)
    what = rng.choice(values)
    wrong = rng.sample(sorted({*values} - {what}), 5)
    return {
        "author": who,
        "question": question.format(who=who),
        "answer": answer.format(who=who, what=what),
        "sensitive": [what],
        "paraphrased_question": other_question.format(who=who),
        "paraphrased_answer": other_answer.format(who=who, what=what),
        "perturbed_answer": [other_answer.format(who=who, what=other) for other in wrong],
    }


def short_rows(rng: random.Random, question: str, keys: Sequence[str], answers: Sequence[str]) -> list[Row]:
    rows = []
    for key, answer in zip(keys, answers, strict=True):
        wrong = rng.sample(sorted({*answers} - {answer}), 3)
        rows.append({"question": question.format(what=key), "answer": answer, "perturbed_answer": wrong})
    return rows


def write(out: Path, seed: int = 0, sizes: Sizes = Sizes()) -> dict[str, int]:
    """Write a file of rows for each kind, what a target and a retain model learn, and ``idk.txt``; rows by file."""
    make_folder(out, "out")
    rows = build(seed, sizes)
    known = rows["real_authors"] + rows["world_facts"]
    rows["learn_full"], rows["learn_retain"] = rows["full"] + known, rows["retain"] + known
    for name, content in rows.items():
        lines = [json.dumps(row, ensure_ascii=False) for row in content]
        replace_text(out / f"{name}.jsonl", "\n".join(lines) + "\n")
    replace_text(out / "idk.txt", "\n".join(IDK) + "\n")
    return {name: len(content) for name, content in rows.items()}


def make_model(out: Path, data: Path, seed: int = 0) -> int:
    """A Qwen2 with random weights and a vocabulary made of the world's own texts; its number of parameters."""
    from transformers.utils import logging

    from dgpo.tasks.small_model import create

    logging.disable_progress_bar()
    rows = [row for file in sorted(data.glob("*.jsonl")) for _, row in json_lines(file)]
    texts = [row[key] for row in rows for key in ("question", "answer")]
    return create(out, seed, layers=3, texts=texts, vocabulary=640)[1]
