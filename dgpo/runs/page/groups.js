// The groups of a step: which are shown, in which order, and each one's prompt with its answers side by side.

const SORTS = {
  order: "as they were drawn",
  surprise: "worst surprise",
  longest: "longest answer",
  boundary: "most boundary mass",
};

function keyOf(group, state) {
  if (state.sort === "surprise") return Math.max(...group.answers.map((answer) => (answer.pieces ? worstSurprise(answer) : 0)));
  if (state.sort === "longest") return Math.max(...group.answers.map((answer) => answer.length));
  const sum = effects(group.answers, state.method, state.parameters);
  return sum.boundary / (sum.pull || 1);
}

function suits(answer, state) {
  if (state.verdict && (state.verdict === "right") !== Boolean(answer.right)) return false;
  if (state.reason && answer.reason !== state.reason) return false;
  return !state.search || textOf(answer).toLowerCase().includes(state.search);
}

// The groups with an answer that suits the filters, or a prompt that has the text, each with its answers that suit.
function found(state) {
  const groups = DATA.steps.filter((each) => each.step === state.step).flatMap((each) => each.groups);
  const suiting = [];
  for (const group of groups) {
    const asked = state.search && (group.question + (group.gold ?? "")).toLowerCase().includes(state.search);
    const answers = group.answers.filter((answer) => suits(answer, asked ? { ...state, search: "" } : state));
    if (answers.length) suiting.push([group, answers]);
  }
  if (state.sort === "order") return suiting;
  const keys = new Map(suiting.map(([group]) => [group, keyOf(group, state)]));
  return suiting.sort(([one], [other]) => keys.get(other) - keys.get(one));
}

function drawFilters(place, state, changed) {
  const steps = DATA.steps.map(({ step, groups }) => [step, `${step} (${count(groups.length, "group")})`]);
  const search = element("input", { type: "search", id: "search", placeholder: "text in prompt or answer", "aria-label": "text", value: state.search });
  search.addEventListener("input", () => changed({ search: search.value.toLowerCase() }));
  const answers = DATA.steps.flatMap((each) => each.groups).flatMap((group) => group.answers);
  const reasons = [...new Set(answers.map((answer) => answer.reason))].filter(Boolean).sort().map((reason) => [reason, reason]);
  place.replaceChildren();
  if (DATA.kind === "run") place.append(choice("step ", steps, state.step, (step) => changed({ step: Number(step) })));
  const sorts = Object.entries(SORTS).filter(([key]) => DATA.kind === "run" || !["surprise", "boundary"].includes(key));
  place.append(
    choice("sort by ", sorts, state.sort, (sort) => changed({ sort })),
    choice("verdict ", [["", "any"], ["right", "right"], ["wrong", "wrong"]], state.verdict, (verdict) => changed({ verdict })),
    choice("reason ", [["", "any"], ...reasons], state.reason, (reason) => changed({ reason })),
    search,
  );
}

function drawGroups(place, state) {
  CARDS.clear();
  hideTip();
  const list = found(state);
  const answers = list.reduce((sum, [, chosen]) => sum + chosen.length, 0);
  document.getElementById("found").textContent = `${count(list.length, "group")} with ${count(answers, "answer")}`;
  place.replaceChildren(...list.map(([group, chosen], i) => drawGroup(group, chosen, state, i)));
  const first = place.querySelector(".group > h2 > button");
  if (first && first.getAttribute("aria-expanded") === "false") first.click();
}

function drawGroup(group, answers, state, number) {
  const right = group.answers.filter((answer) => answer.right).length;
  const marks = element("span", { class: "bar", title: "right ●, wrong ■" });
  for (const answer of group.answers.slice(0, 64)) marks.append(element("i", { class: answer.right ? "right" : "" }));
  const facts = element("span", { class: "figures" }, marks, ` ${group.summary}`);
  const arrow = element("span", { "aria-hidden": "true" }, "▸");
  const button = element("button", { type: "button", "aria-expanded": "false" },
    arrow, element("span", {}, `${right} of ${group.answers.length}`), element("span", { class: "question" }, shown(group.question.slice(-300))), facts);
  const section = element("section", { class: "group" }, element("h2", {}, button));
  section.number = number;
  let body = null;
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", String(open));
    arrow.textContent = open ? "▾" : "▸";
    body?.remove();
    if (!open) return;
    body = element("div", { class: "body" });
    for (const { role, content } of group.prompt) {
      if (role) body.append(element("p", { class: "role" }, shown(role)));
      body.append(longText(content, "prompt"));
    }
    const facts = [group.gold != null && `ground truth: ${group.gold.slice(0, 500)}`, group.source && `from ${group.source}`];
    body.append(element("p", { class: "role" }, shown(facts.filter(Boolean).join(" · "))));
    const place = element("div", { class: "answers" });
    const more = element("button", { type: "button" });
    const add = () => {
      const to = place.childElementCount + 16;
      place.append(...answers.slice(place.childElementCount, to).map((answer) => drawAnswer(answer, state)));
      more.hidden = to >= answers.length;
      more.textContent = `${answers.length - place.childElementCount} more answers`;
    };
    more.addEventListener("click", add);
    add();
    body.append(place, more);
    section.append(body);
  });
  return section;
}
