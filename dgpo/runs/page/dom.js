// Elements from text alone: nothing that a model wrote is ever read as HTML.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function drawing(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Control characters, marks that turn the direction of text, invisible ones and halves of surrogate pairs, spelled out.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/gu;
const spelled = (character) => `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
const shown = (text) => String(text).replace(UNSEEN, spelled);

// A long text with a button for the rest.
function longText(text, className, most = 3000) {
  const box = element("div", { class: className }, shown(text.slice(0, most)));
  if (text.length > most) {
    let from = most;
    const more = element("button", { type: "button" }, `… ${(text.length - from).toLocaleString()} more characters`);
    more.addEventListener("click", () => {
      const to = from + 20 * most;
      more.before(shown(text.slice(from, to)));
      from = to;
      if (from >= text.length) more.remove();
      else more.textContent = `… ${(text.length - from).toLocaleString()} more characters`;
    });
    box.append(more);
  }
  return box;
}

function figure(value, digits = 3) {
  if (value == null || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(2) : String(Number(value.toPrecision(digits))).replace("-", "−");
}
const count = (number, word) => `${number.toLocaleString()} ${word}${number === 1 ? "" : "s"}`;
const percent = (share) => `${figure(100 * share)} %`;

function choice(label, options, value, change) {
  const select = element("select", { "aria-label": label, onchange: () => change(select.value) });
  for (const [key, text] of options) select.append(element("option", { value: key }, shown(text)));
  select.value = value;
  return element("label", {}, label, select);
}
