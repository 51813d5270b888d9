r"""Instructions of others around a problem, taken off before our own template is put on; and those that remain.

The rule. Chat tokens come off. Then, from the end and from the beginning, a sentence or line comes off as long as it
says nothing but how to answer: it begins as such sentences do (`Please`, `Put`, `You must`, `The final answer`, 请) and
names a place for the answer (`\boxed`, `####`, `<answer>`, `Answer:`), or asks to think step by step; so do labels
(`Question:`, `Solution:`). `and put your final answer in \boxed{}` comes off the end of a sentence. Whatever says
something about the answer itself stays: "give it as a fraction", "round to two digits".
"""

import re

_BOX = r"\\{1,2}boxed(?:\{[^{}]{0,40}\})?"
_PLACE = rf"{_BOX}|\bbox(?:ed)?\b|####|</?(?:answer|think|reasoning)>|\"?\b[Aa]nswer:|答案[:：]|框"
_HOW = (
    r"step[- ]by[- ]step|step after step|reasoning process|internal monologue|chain of thought"
    r"|show (?:all )?your (?:work|reasoning)|逐步|一步一步|按步骤|分步|思考过程|推理过程|without quotes"
)
_OPENS = (
    r"(?:(?:and|then|also|finally|first|next|now|so|after|when|once|at the end|in the end|remember|important|note|hint"
    r"|make sure|be sure|ensure|please|let's|let us|you(?: must| should| need| are| will| can| first)?)\b[\s,:*]*"
    r"(?:to |that )?)*"
)
_VERBS = (
    r"(?:put|output|enclose|return|present|write|give|provide|place|box|state|express|wrap|report|respond|conclude|end|reason"
    r"|think|show|solve|explain|answer|format|include|mark|use|integrate|simplify|work|display|highlight|finish|submit|surround)"
)
_SUBJECT = (
    r"(?:(?:the|your|my)\s+(?:(?:final|last|whole|entire|correct)\s+)*(?:answer|response|result|solution|line|output|reasoning)"
    r"|(?:the )?(?:last|final) line)"
)
_INSTRUCTION = re.compile(
    rf"\s*[*_(\[]*(?:{_OPENS}(?:{_VERBS}|{_SUBJECT})\b|{_OPENS}(?=first|think)|请|将|把|最终答案|最后|让我们|回答|在).*",
    re.IGNORECASE | re.DOTALL,
)
_ASKS = re.compile(rf"{_PLACE}|{_HOW}", re.IGNORECASE)
# What a sentence that begins so may still say of the problem, or of the answer itself.
_OF_PROBLEM = re.compile(
    r"\b(?:find|compute|evaluate|determine|calculate|prove|how many|what is|fraction|decimal|nearest|round|radical"
    r"|digits?|in terms of|simplest|lowest terms|units?)\b|求|计算|证明|多少",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    rf"[,;，；]?\s*(?:and |then |and then |并|并且)?(?:please |请)?"
    rf"(?:(?:put|output|enclose|return|present|write|give|provide|place|state|express|wrap|report|box|submit)\s+(?:your|the|it)"
    rf"\b[^.?!\n]{{0,60}}?(?:{_BOX}|####|</?answer>)[^.?!\n]{{0,30}}|(?:将|把)[^。\n]{{0,20}}答案[^。\n]{{0,20}}{_BOX}[^。\n]{{0,6}})[.。]?\s*\Z",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\A\s*(?:[#>*_ ]*(?:question|problem|exercise|task|q|user|human|问题|题目|问|题|pregunta|problema|frage|aufgabe"
    r"|задача|вопрос|問題|질문|문제)(?:\s*(?:statement|\d+))?[*_ ]*[:：][*_ ]*)",
    re.IGNORECASE,
)
_LAST_LABEL = re.compile(
    r"(?:\n|\A|(?<=[.?!。？！$]))\s*[#>*_ ]*(?:answer|solution|response|assistant|a|答案|解答|解|答|回答"
    r"|respuesta|réponse|antwort|ответ)[*_ ]*[:：][*_ ]*(?:(?:let's think|let me solve this) step by step\.?)?"
    r"\s*(?:<think>\s*)?\Z",
    re.IGNORECASE,
)
_SWITCH = re.compile(r"\s*(?:/(?:no_?)?think|<think>)\s*\Z", re.IGNORECASE)
_TOKENS = re.compile(
    r"<\|(?:im_start|start_header_id)\|>\s*(?:user|human|assistant|system)?\s*(?:<\|end_header_id\|>)?\n*"
    r"|<\|(?:im_end|eot_id|begin_of_text|end_of_text|endoftext|end|user|assistant|User|Assistant)\|>\n?"
    r"|<[｜|](?:User|Assistant|begin▁of▁sentence|end▁of▁sentence)[｜|]>|<(?:start|end)_of_turn>(?:user|model)?\n?"
    r"|\[/?INST\]|<</?SYS>>|</?s>|<bos>|<eos>"
)
_PREAMBLES = (
    # Of DAPO-Math-17k and of AIME-2024 by the same authors; of simple-evals; of open-r1; of TinyZero.
    re.compile(
        r"\A\s*(?:Solve|Answer) the following (?:math |maths )?(?:problem|question)s?(?: efficiently and clearly"
        r"| step by step)*[.:]\s*(?:The last line of your response should be of the (?:form|following format)"
        r"(?:(?! where ).)* where \$?ANSWER\$?[^.\n]*\.\s*)?(?:Think step by step before answering\.\s*)?",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"\A\s*A conversation between User and Assistant\.(?:(?!\bUser:).)*\bUser:\s*", re.IGNORECASE | re.DOTALL
    ),
)
_SENTENCE = re.compile(r"(?<=[.!?。！？])(?<!\d\.)[\"')*]*\s+|(?<=[。！？])|\n+")
ELSEWHERE = "want the answer elsewhere than in \\boxed{}, where the reward reads it"
"""What is said of prompts that `asks_elsewhere` finds."""
_ELSEWHERE = re.compile(r"####|</?answer>|\bAnswer:\s*\$?(?:ANSWER|Answer)\b|after \"Answer:\"")
_REMAINS = {
    "a place that the reward does not read": _ELSEWHERE,
    r"a \boxed answer, in words of their own": re.compile(_BOX),
    "thoughts in tags": re.compile(r"</?(?:think|reasoning)>"),
    "steps": re.compile(r"step[- ]by[- ]step|逐步|一步一步", re.IGNORECASE),
    "a turn of a chat template": re.compile(_TOKENS.pattern),
}


def strip_instructions(text: str) -> str:
    """The bare problem, by the rule above; a text that is nothing but an instruction is returned unchanged."""
    bare = _TOKENS.sub("", text).strip() if "<" in text or "[" in text else text.strip()
    before = None
    while before != bare:
        before = bare
        label = _LABEL.match(bare)
        labels = () if label and f"\n{label[0].strip()}" in bare else (_LABEL, _LAST_LABEL)  # of examples they are part
        for pattern in (*_PREAMBLES, *labels, _SWITCH):
            bare = pattern.sub("", bare).strip()
        bare = _without_last(_without_first(bare))
        bare = _CLAUSE.sub("", bare).strip() if _CLAUSE.search(bare) else bare
    return bare or text.strip()


def asks_elsewhere(text: str) -> bool:
    """Whether a prompt asks for its answer where the reward does not look: after `####` or in `<answer>` tags."""
    return _ELSEWHERE.search(text) is not None


def leftover_instruction(problem: str) -> str:
    """What a stripped problem still asks for besides its answer, such as steps or tags; "" for nothing."""
    return next((what for what, pattern in _REMAINS.items() if pattern.search(problem)), "")


def _is_instruction(sentence: str) -> bool:
    if "?" in sentence or not _ASKS.search(sentence) or not _INSTRUCTION.match(sentence):
        return False
    return not _OF_PROBLEM.search(_ASKS.sub("", sentence))


def _without_last(text: str) -> str:
    cuts = list(_SENTENCE.finditer(text))
    start = cuts[-1].end() if cuts else 0
    if start == len(text) and len(cuts) > 1:
        start = cuts[-2].end()
    return text[:start].strip() if _is_instruction(text[start:]) else text


def _without_first(text: str) -> str:
    cut = _SENTENCE.search(text)
    return text[cut.end() :].strip() if cut and _is_instruction(text[: cut.start()]) else text
