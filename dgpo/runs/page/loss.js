// The panel: which loss, its hyper-parameters, the scale of colours, the regions with their counts, and F over r.

const COLOURS = {
  push: "A·F, the push on log π",
  ratio: "log r",
  surprise: "surprise, −log π_old",
  entropy: "entropy",
};
const REGION_WORDS = { ln: "A < 0, r < 1 − ε", hp: "A > 0, r > 1 + ε", lp: "A > 0, r < 1 − ε", hn: "A < 0, r > 1 + ε" };

function drawPanel(place, state, changed) {
  place.replaceChildren(element("h2", {}, "What the loss does"));
  const names = Object.keys(DATA.methods).map((name) => [name, name === DATA.method ? `${name} (this run's)` : name]);
  place.append(choice("loss ", names, state.method, (method) => changed({ method })));
  for (const [key, value] of Object.entries(state.parameters)) place.append(control(key, value, state, changed));
  const reset = element("button", { type: "button", onclick: () => changed({ reset: true }) }, "reset");
  place.append(reset, element("h3", {}, "Colour"));
  place.append(choice("by ", Object.entries(COLOURS), state.colour, (colour) => changed({ colour })));
  place.append(element("div", { class: "scale", id: "scale" }), element("div", { class: "ticks", id: "ticks" }));
  place.append(element("h3", {}, "Outside the trust region"), element("div", { class: "regions", id: "regions" }));
  place.append(element("h3", {}, "F, up to 4, over the ratio r; dots are tokens"), element("div", { id: "weights" }));
}

// Low, high and step of each slider.
const CONTROLS = {
  clip_ratio_low: [0.01, 0.9, 0.01], clip_ratio_high: [0.01, 2, 0.01], clip_ratio_c: [1.1, 10, 0.1],
  n: [1, 8, 1], m: [1, 16, 1], alpha: [0, 2, 0.05], beta: [0, 1, 0.01], beta1: [0, 2, 0.05], beta2: [0, 2, 0.05],
  sigma_base: [0.05, 10, 0.05], tau_pos: [0.05, 4, 0.05], tau_neg: [0.05, 4, 0.05],
};

function control(key, value, state, changed) {
  const change = (next) => changed({ parameter: [key, next] });
  if (typeof value === "boolean") {
    const box = element("input", { type: "checkbox", onchange: () => change(box.checked) });
    box.checked = value;
    return element("label", { class: "slider" }, key, box);
  }
  const [low, high, step] = CONTROLS[key];
  const off = value == null;
  const slider = element("input", { type: "range", min: low, max: high, step, "aria-label": key });
  slider.value = off ? high : value;
  const told = element("output", {}, off ? "off" : figure(value));
  slider.addEventListener("input", () => {
    // The cap that a method may have is off at the slider's end.
    const next = key === "clip_ratio_c" && Number(slider.value) >= high ? null : Number(slider.value);
    told.textContent = next == null ? "off" : figure(next);
    change(next);
  });
  return element("label", { class: "slider" }, key, slider, told);
}

// A nice number at or above the 99.5th percentile of sizes.
function niceScale(sizes) {
  if (!sizes.length) return 1;
  sizes.sort((a, b) => a - b);
  const size = sizes[Math.floor(0.995 * (sizes.length - 1))] || 1;
  const power = 10 ** Math.floor(Math.log10(size));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((factor) => factor * power).find((nice) => nice >= size * 0.9999);
}

function valueOf(answer, i, state) {
  const { ratio, A, old } = answer;
  if (state.colour === "ratio") return ratio[i];
  if (state.colour === "surprise") return -old[i];
  if (state.colour === "entropy") return answer.entropies ? answer.entropies[i] / 1000 : 0;
  return A[i] * gradientWeight(state.method, ratio[i], A[i], old[i], state.parameters);
}

function drawLegend(answers, state) {
  const sizes = [];
  for (const answer of answers) {
    if (!answer.pieces) continue;
    unpack(answer);
    for (let i = 0; i < answer.ratio.length; i++) if (trained(answer, i)) sizes.push(Math.abs(valueOf(answer, i, state)));
  }
  state.scale = niceScale(sizes);
  const oneSided = state.colour === "surprise" || state.colour === "entropy";
  const stops = (oneSided ? [0, 0.25, 0.5, 0.75, 1] : [-1, -0.5, -0.1, 0, 0.1, 0.5, 1]).map((value) => colourOf(value));
  document.getElementById("scale").style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  const ends = oneSided ? [0, state.scale / 2, state.scale] : [-state.scale, 0, state.scale];
  const words = state.colour === "push" ? ["less likely ", "", " more likely"] : ["", "", ""];
  const ticks = ends.map((end, i) => element("span", {}, (i === 0 ? words[0] : "") + figure(end) + (i === 2 ? words[2] : "")));
  document.getElementById("ticks").replaceChildren(...ticks);
  drawRegions(answers, state);
  drawWeights(answers, state);
}

const colourOf = (value) => `rgb(var(--${value < 0 ? "down" : "up"}) / ${(0.72 * Math.min(Math.abs(value), 1) ** 0.8).toFixed(3)})`;

function drawRegions(answers, state) {
  const sum = effects(answers, state.method, state.parameters);
  const cells = [];
  for (const [name, words] of Object.entries(REGION_WORDS))
    cells.push(element("b", { class: name }, name.toUpperCase()), element("span", {}, words), element("span", {}, `${sum.regions[name]}`));
  const rows = [
    ["their share of Σ|A·F|, LN + HP", percent(sum.boundary / (sum.pull || 1))],
    ["tokens with an advantage and F = 0, struck out", sum.dropped.toLocaleString()],
    ["tokens of this step", sum.tokens.toLocaleString()],
  ];
  for (const [words, value] of rows) cells.push(element("span", {}), element("span", {}, words), element("span", {}, value));
  document.getElementById("regions").replaceChildren(...cells);
}

// F for A = ±1 over r from 1/4 to 4, on a log axis, F up to 4; a dot a token, those outside the trust region first.
function drawWeights(answers, state) {
  const [width, height, span, top] = [260, 150, Math.log(4), 4];
  const x = (d) => ((Math.max(-span, Math.min(span, d)) + span) / (2 * span)) * width;
  const y = (F) => height - 14 - (Math.min(F, top) / top) * (height - 22);
  const picture = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "gradient weight over the ratio" });
  for (const edge of logRange(state.parameters)) picture.append(drawing("line", { class: "kept", x1: x(edge), x2: x(edge), y1: 0, y2: height - 14 }));
  for (const [A, side] of [[1, "up"], [-1, "down"]]) {
    const path = [];
    for (let step = 0; step <= 260; step++) {
      const d = -span + (2 * span * step) / 260;
      path.push(`${x(d).toFixed(1)},${y(gradientWeight(state.method, d, A, Math.log(0.5), state.parameters)).toFixed(1)}`);
    }
    picture.append(drawing("polyline", { class: `curve ${side}`, points: path.join(" ") }));
  }
  const [outside, inside] = [[], []];
  for (const answer of answers) {
    if (!answer.pieces) continue;
    for (let i = 0; i < answer.ratio.length; i++)
      if (trained(answer, i) && answer.A[i] !== 0)
        (region(answer.ratio[i], answer.A[i], state.parameters) === "in" ? inside : outside).push([answer, i]);
  }
  for (const [answer, i] of outside.slice(0, 300).concat(inside.slice(0, 100))) {
    const F = gradientWeight(state.method, answer.ratio[i], answer.A[i], answer.old[i], state.parameters);
    picture.append(drawing("circle", { class: answer.A[i] > 0 ? "up" : "down", cx: x(answer.ratio[i]), cy: y(F), r: 2, opacity: 0.7 }));
  }
  picture.append(drawing("line", { class: "axis", x1: 0, x2: width, y1: height - 14, y2: height - 14 }));
  for (const [ratio, anchor] of [[0.25, "start"], [0.5, "middle"], [1, "middle"], [2, "middle"], [4, "end"]])
    picture.append(drawing("text", { x: x(Math.log(ratio)), y: height - 3, "text-anchor": anchor }, String(ratio)));
  picture.append(drawing("text", { class: "up", x: 4, y: 10 }, "A > 0"), drawing("text", { class: "down", x: 38, y: 10 }, "A < 0"));
  document.getElementById("weights").replaceChildren(picture);
}
