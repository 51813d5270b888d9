// One answer: its verdict in words, its tokens coloured, and what the pointer or the arrow keys tell of a token.

const FIRST = 500;
const NEXT = 4000;
const CARDS = new Map(); // the element of an answer's text → {answer, spans}

function drawAnswer(answer, state) {
  const right = answer.right;
  const said = [answer.reason ?? (right == null ? "" : right ? "right" : "wrong")];
  const facts = answer.episode ? [answer.episode] : [];
  if (answer.pieces) facts.push(`A ${answer.advantage_text}`, `${answer.pieces.length + answer.cut} tokens`);
  if (answer.score != null) facts.push(`reward ${figure(answer.score)}`);
  if (answer.truncated) facts.push("cut off");
  if (answer.staleness) facts.push(`${answer.staleness} steps old`);
  const head = element("h3", {}, element("b", {}, right == null ? "" : right ? "✓" : "✗", " ", shown(said[0])));
  for (const fact of facts) head.append(element("span", { class: "figures" }, fact));
  const card = element("article", { class: `answer${right ? " right" : ""}` }, head);
  if (answer.words) card.append(element("p", {}, shown(answer.words)));
  if (answer.judged?.length) card.append(drawJudged(answer.judged));
  card.append(answer.pieces ? drawTokens(answer, state) : longText(answer.text, "text"));
  return card;
}

function drawJudged(rows) {
  const table = element("table");
  for (const row of rows) table.append(element("tr", {}, ...row.map((cell) => element("td", {}, shown(cell)))));
  return element("details", {}, element("summary", {}, "how it was judged: step, answer, ground truth, outcome"), table);
}

function drawTokens(answer, state) {
  unpack(answer);
  const box = element("div", { class: "text", tabindex: "0", "aria-label": "tokens; arrow keys go from one to the next" });
  const spans = [];
  CARDS.set(box, { answer, spans });
  let turn = 0;
  const add = (count) => {
    const to = Math.min(spans.length + count, answer.pieces.length);
    const made = document.createDocumentFragment();
    for (let i = spans.length; i < to; i++) {
      for (; turn < answer.turns.length && answer.turns[turn].start <= i; turn++) made.append(drawTurn(answer.turns[turn], turn));
      const text = answer.pieces[i].replaceAll("\n", "↵\n");
      const span = element("span", {}, text === "" ? "·" : shown(text));
      span.token = i;
      paint(span, answer, i, state);
      spans.push(span);
      made.append(span);
    }
    more.before(made);
    const left = answer.pieces.length - to;
    more.hidden = left === 0;
    more.textContent = `… ${left.toLocaleString()} more tokens`;
  };
  const more = element("button", { type: "button", onclick: () => add(NEXT) });
  box.append(more);
  add(FIRST);
  if (answer.cut) box.append(element("p", {}, `${answer.cut.toLocaleString()} more tokens are not in this page`));
  return box;
}

function drawTurn(turn, number) {
  const facts = [`turn ${number + 1}`];
  if (turn.reward != null) facts.push(`reward ${figure(turn.reward)}`);
  if (turn.valid === false) facts.push("not valid");
  const box = element("div", { class: "turn" }, facts.join(", "));
  if (turn.observation) box.append(longText(`saw: ${turn.observation}`, "prompt", 400));
  return box;
}

function paint(span, answer, i, state) {
  if (!trained(answer, i)) {
    span.className = "foreign";
    return;
  }
  const where = region(answer.ratio[i], answer.A[i], state.parameters);
  const F = gradientWeight(state.method, answer.ratio[i], answer.A[i], answer.old[i], state.parameters);
  span.className = (where === "in" || where === "zero" ? "" : where) + (F === 0 && answer.A[i] !== 0 ? " dropped" : "");
  span.style.backgroundColor = colourOf(valueOf(answer, i, state) / state.scale);
}

function repaint(state) {
  for (const [box, { answer, spans }] of CARDS) {
    if (!box.isConnected) CARDS.delete(box);
    else spans.forEach((span, i) => paint(span, answer, i, state));
  }
}

function describe(answer, i, state) {
  const [d, A, old, now] = [answer.ratio[i], answer.A[i], answer.old[i], answer.log_prob[i]];
  const F = gradientWeight(state.method, d, A, old, state.parameters);
  const where = region(d, A, state.parameters);
  const rows = [
    ["π_θ", figure(Math.exp(now), 4)],
    ["π_old", figure(Math.exp(old), 4)],
    ["ratio r", figure(Math.exp(d), 4)],
    ["advantage A", figure(A, 4)],
    [`F of ${state.method}`, figure(F, 4)],
    ["W = F/π_θ", figure(F / Math.exp(now), 4)],
    ["A·F", figure(A * F, 4)],
    ["region", where === "in" ? "inside" : where === "zero" ? "no advantage" : where.toUpperCase()],
  ];
  if (answer.entropies) rows.push(["entropy (nats)", figure(answer.entropies[i] / 1000)]);
  const list = element("dl");
  if (trained(answer, i)) for (const [name, value] of rows) list.append(element("dt", {}, name), element("dd", {}, value));
  else list.append(element("dt", {}, "not the model's: the loss ignores it"));
  const text = shown(answer.pieces[i].replaceAll("\n", "↵")) || "a part of the next character";
  return [element("code", {}, text.slice(0, 200)), ` · token ${i + 1} of ${answer.pieces.length}`, list];
}

function showTip(span, answer, state) {
  const tip = document.getElementById("tip");
  tip.replaceChildren(...describe(answer, span.token, state));
  tip.hidden = false;
  const at = span.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const below = at.bottom + 6 + height < innerHeight;
  tip.style.left = `${Math.max(4, Math.min(at.left, innerWidth - width - 8))}px`;
  tip.style.top = `${Math.max(4, below ? at.bottom + 6 : at.top - height - 6)}px`;
}
const hideTip = () => (document.getElementById("tip").hidden = true);

function mark(box, index, state) {
  const { answer, spans } = CARDS.get(box);
  box.querySelector(".now")?.classList.remove("now");
  const span = spans[Math.max(0, Math.min(index, spans.length - 1))];
  if (!span) return;
  span.classList.add("now");
  span.scrollIntoView({ block: "nearest" });
  box.focus({ preventScroll: true });
  showTip(span, answer, state);
}

// The next token outside the trust region behind the one that is marked, in this text or the next one of the page.
function nextBoundary(state) {
  const boxes = [...document.querySelectorAll(".text")].filter((box) => CARDS.has(box));
  const now = document.querySelector(".text .now");
  let from = now ? boxes.indexOf(now.closest(".text")) : 0;
  let after = now ? now.token + 1 : 0;
  for (; from < boxes.length; from++, after = 0) {
    const found = CARDS.get(boxes[from]).spans.findIndex((span, i) => i >= after && /\b(ln|hp|lp|hn)\b/.test(span.className));
    if (found >= 0) {
      document.querySelector(".text .now")?.classList.remove("now");
      return mark(boxes[from], found, state);
    }
  }
}
