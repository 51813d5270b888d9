"""Time and memory of `dgpo data prepare` on a file as large as DAPO-Math-17k: 17,917 rows a hundred times over.

    python benchmarks/data_prepare.py --out FOLDER

The problems are made up, of the real ones' length, in the real schema; 519 rows repeat a problem under another
index, half of them with another answer. Prints seconds and the largest resident memory of the preparing process.
"""

import argparse
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PROBLEMS, REPEATS, COPIES = 17_398, 519, 100
TEMPLATE = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n{}\n\nRemember to put your answer on its "
    'own line after "Answer:".'
)


def write_input(path: Path, copies: int) -> None:
    """The whole set again and again, so that equal rows stand far apart, in row groups of pyarrow's size."""
    rng = random.Random(0)
    words = ["let", "$x$", "be", "the", "number", "of", "find", "all", "integers", "\\frac{1}{2}", "sum", "$n \\ge 3$"]
    problems = [f"Problem {i}: " + " ".join(rng.choices(words, k=45)) for i in range(PROBLEMS)]
    pairs = [(problem, str(i)) for i, problem in enumerate(problems)]
    pairs += [(problems[i], str(i + i % 2)) for i in rng.sample(range(PROBLEMS), REPEATS)]
    rng.shuffle(pairs)
    table = pa.Table.from_pylist(
        [
            {
                "data_source": "math_dapo",
                "prompt": [{"content": TEMPLATE.format(problem), "role": "user"}],
                "ability": "MATH",
                "reward_model": {"ground_truth": answer, "style": "rule-lighteval/MATH_v2"},
                "extra_info": {"index": f"{index:032x}"},
            }
            for index, (problem, answer) in enumerate(pairs)
        ]
    )
    pq.write_table(pa.concat_tables([table] * copies), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the input (about 300 MB) and the output")
    parser.add_argument("--copies", type=int, default=COPIES, help="of the set; 100 as in DAPO-Math-17k")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    source = args.out / "dapo-math-17k-input.parquet"
    write_input(source, args.copies)
    command = [sys.executable, "-m", "dgpo.cli", "data", "prepare", "dapo-math-17k", "--from", str(source)]
    start = time.monotonic()
    subprocess.run([*command, "--out", str(args.out)], check=True)
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{args.copies * (PROBLEMS + REPEATS):,} rows: {seconds:.0f} s, {peak:.2f} GiB of memory at most")


if __name__ == "__main__":
    main()
