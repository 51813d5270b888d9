import json
from collections.abc import Callable
from pathlib import Path

from dgpo.cli import main

RESPONSES = {
    "sums": [["\\boxed{GOLD}", "\\boxed{GOLD}", "\\boxed{1}", "I think..."], ["\\boxed{<b>}"] * 3 + ["\\boxed{2}"]]
}


def test_the_page_of_an_evaluation_shows_each_problem_with_its_verdicts_and_majority(
    save_evaluation: Callable[..., Path], refused: Callable[..., str]
) -> None:
    folder = save_evaluation("made", RESPONSES)
    assert "eval score" in refused("rollouts", folder)
    assert main(["eval", "score", str(folder), "--processes", "1"]) == 0
    assert main(["rollouts", str(folder)]) == 0
    page = (folder / "rollouts.html").read_text()
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    first, second = data["steps"][0]["groups"]
    assert [answer["right"] for answer in first["answers"]] == [True, True, False, False]
    assert first["summary"].startswith("pass@4 1, majority 100 %, most gave") and first["answers"][3]["truncated"]
    assert second["summary"].startswith("pass@4 0, majority 0 %") and second["answers"][0]["text"] == "\\boxed{<b>}"
    assert "accuracy, sums: 25.0 %" in data["summary"] and "<b>" not in page
    assert main(["rollouts", str(folder), "--limit", "4"]) == 0
    assert "Problems that are not in this page: 1;" in (folder / "rollouts.html").read_text()
    assert "leave out --step and --terminal" in refused("rollouts", folder, "--terminal")
    assert "there is no problem with the prompt 'nowhere'" in refused("rollouts", folder, "--prompt", "nowhere")
