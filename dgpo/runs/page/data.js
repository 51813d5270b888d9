// The page's data, and what is derived of an answer once: columns of numbers, text, surprise.

const DATA = JSON.parse(document.getElementById("data").textContent);

function decode(base64, Kind) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Kind(bytes.buffer);
}

// Columns come as base64 of little-endian numbers, or as one number for all tokens.
function unpack(answer) {
  if (answer.ratio) return answer;
  const length = answer.pieces.length;
  const column = (value) => (typeof value === "string" ? decode(value, Float32Array) : new Float32Array(length).fill(value));
  answer.old = column(answer.old_log_prob);
  answer.log_prob = column(answer.log_prob);
  answer.A = column(answer.advantage);
  answer.entropies = answer.entropy ? decode(answer.entropy, Uint16Array) : null;
  answer.ignored = new Set(answer.unmasked);
  // In float32, as the loss has it.
  answer.ratio = answer.log_prob.map((value, i) => value - answer.old[i]);
  return answer;
}

const trained = (answer, i) => !answer.ignored.has(i);

// Largest -log π_old of a token that the loss sees.
function worstSurprise(answer) {
  if (answer.worst === undefined) {
    unpack(answer);
    answer.worst = answer.old.reduce((most, value, i) => (trained(answer, i) ? Math.max(most, -value) : most), 0);
  }
  return answer.worst;
}

const textOf = (answer) => (answer.text ??= answer.pieces.join(""));

// What a loss did to answers: counts by region, Σ|A·F| in all and at the boundaries, tokens with A ≠ 0 and F = 0.
function effects(answers, method, parameters) {
  const sum = { tokens: 0, pull: 0, boundary: 0, dropped: 0, regions: { ln: 0, hp: 0, lp: 0, hn: 0, in: 0, zero: 0 } };
  for (const answer of answers) {
    if (!answer.pieces) continue;
    const { ratio, A, old } = unpack(answer);
    for (let i = 0; i < ratio.length; i++) {
      if (!trained(answer, i)) continue;
      const where = region(ratio[i], A[i], parameters);
      const F = gradientWeight(method, ratio[i], A[i], old[i], parameters);
      sum.tokens += 1;
      sum.regions[where] += 1;
      sum.pull += Math.abs(A[i] * F);
      if (where === "ln" || where === "hp") sum.boundary += Math.abs(A[i] * F);
      if (A[i] !== 0 && F === 0) sum.dropped += 1;
    }
  }
  return sum;
}
