// State, what follows from a change of it, the keyboard, and the part of the address that keeps it.

const KEYS = {
  "j k": "next, previous group", "Enter": "open or close it", "n p": "next, previous step", "← →": "token by token in an answer",
  "b": "next token outside the trust region", "l": "next loss", "c": "next colouring", "/": "search", "?": "these keys",
};
const parametersOf = (method) => ({ ...DATA.methods[method] });

const state = {
  step: DATA.steps[0]?.step ?? 0, sort: "order", verdict: "", reason: "", search: "",
  method: DATA.shown, parameters: parametersOf(DATA.shown), colour: "push", scale: 1,
};
const answersOfStep = () => DATA.steps.filter((each) => each.step === state.step).flatMap((each) => each.groups.flatMap((group) => group.answers));
const at = (id) => document.getElementById(id);

function redraw() {
  if (DATA.kind === "run") {
    drawOverview(at("overview"), state, (step) => change({ step }));
    drawPanel(at("panel"), state, change);
    drawLegend(answersOfStep(), state);
  }
  drawFilters(at("filters"), state, change);
  drawGroups(at("groups"), state);
}

function change(next) {
  if (next.parameter) {
    const [key, value] = next.parameter;
    state.parameters[key] = value;
    return afterLoss();
  }
  if (next.method || next.reset) {
    state.method = next.method ?? state.method;
    state.parameters = parametersOf(state.method);
  } else Object.assign(state, next);
  remember();
  if (next.method || next.reset || next.colour) {
    const focused = document.activeElement?.getAttribute("aria-label");
    drawPanel(at("panel"), state, change);
    if (focused) at("panel").querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    afterLoss();
  } else if (next.step !== undefined) redraw();
  else drawGroups(at("groups"), state);
}

function afterLoss() {
  drawLegend(answersOfStep(), state);
  repaint(state);
  hideTip();
}

// In the address, so that a link leads to what its sender saw.
function remember() {
  const { step, sort, method, colour } = state;
  history.replaceState(null, "", `#${new URLSearchParams({ step, sort, loss: method, colour })}`);
}

function recall() {
  const given = new URLSearchParams(location.hash.slice(1));
  const step = Number(given.get("step"));
  if (DATA.steps.some((each) => each.step === step)) state.step = step;
  if (given.get("sort") in SORTS) state.sort = given.get("sort");
  if (given.get("colour") in COLOURS) state.colour = given.get("colour");
  if (given.get("loss") in DATA.methods) state.parameters = parametersOf((state.method = given.get("loss")));
}

function moveGroup(by) {
  const groups = [...document.querySelectorAll(".group")];
  const next = Math.max(0, Math.min(groups.length - 1, groups.findIndex((group) => group.classList.contains("now")) + by));
  groups.forEach((group, i) => group.classList.toggle("now", i === next));
  groups[next]?.querySelector("button").focus();
  groups[next]?.scrollIntoView({ block: "start", behavior: "smooth" });
}

function moveStep(by) {
  const steps = DATA.steps.map((each) => each.step);
  const next = steps[steps.indexOf(state.step) + by];
  if (next !== undefined) change({ step: next });
}

const after = (names, name) => names[(names.indexOf(name) + 1) % names.length];

function toggleHelp() {
  const keys = at("keys");
  keys.hidden = !keys.hidden;
  at("help").setAttribute("aria-expanded", String(!keys.hidden));
}

const ACTIONS = {
  j: () => moveGroup(1), k: () => moveGroup(-1), n: () => moveStep(1), p: () => moveStep(-1),
  b: () => nextBoundary(state), "?": toggleHelp, "/": () => at("search").focus(),
  l: () => DATA.kind === "run" && change({ method: after(Object.keys(DATA.methods), state.method) }),
  c: () => DATA.kind === "run" && change({ colour: after(Object.keys(COLOURS), state.colour) }),
  Escape: () => (hideTip(), document.activeElement?.blur()),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input[type=search], select") && event.key !== "Escape";
  const arrow = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (arrow && CARDS.has(event.target)) mark(event.target, (event.target.querySelector(".now")?.token ?? -arrow) + arrow, state);
  else if (!typing && ACTIONS[event.key]) ACTIONS[event.key]();
  else return;
  event.preventDefault();
});
at("groups").addEventListener("mouseover", (event) => {
  const card = event.target.token !== undefined && CARDS.get(event.target.closest(".text"));
  if (card) showTip(event.target, card.answer, state);
  else hideTip();
});
at("groups").addEventListener("mouseleave", hideTip);
at("help").addEventListener("click", toggleHelp);

at("name").textContent = shown(DATA.name);
at("summary").textContent = shown(DATA.summary);
at("note").hidden = !DATA.note;
at("note").textContent = shown(DATA.note);
for (const [key, words] of Object.entries(KEYS)) at("keys").append(element("span", {}, ...key.split(" ").map((each) => element("kbd", {}, each)), words));
if (DATA.kind !== "run") {
  at("panel").remove();
  at("columns").style.display = "block";
}
recall();
redraw();
