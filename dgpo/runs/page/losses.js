// The gradient weight F(d, A) of each method and the region of a token, as dgpo.losses has them. d is log r.
// Constants are rounded to float32, as torch rounds them where it compares or clamps a float32 tensor.

const MAX_LOG_WEIGHT = 20;
const MAX_LOG_RATIO = 1000;
const single = Math.fround;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const logRange = (p) => [single(Math.log1p(-p.clip_ratio_low)), single(Math.log1p(p.clip_ratio_high))];
const logCap = (p) => (p.clip_ratio_c == null ? Infinity : single(Math.log(p.clip_ratio_c)));
const logSigmoid = (x) => -Math.log1p(Math.exp(-x));

const LOG_WEIGHTS = {
  grpo(d, A, old, p) {
    const [lo, hi] = logRange(p);
    const held = A < 0 ? clamp(d, lo, logCap(p)) : Math.min(d, hi);
    return held === d ? d : -Infinity;
  },
  dgpo(d, A, old, p) {
    const [lo, hi] = logRange(p);
    if (A < 0) return Math.min(d + p.n * Math.min(d - lo, 0), logCap(p));
    return A > 0 ? d - Math.max(d - hi, 0) / p.m : d;
  },
  cispo(d, A, old, p) {
    const [lo, hi] = logRange(p);
    return clamp(d, p.one_sided ? -Infinity : lo, hi);
  },
  gppo(d, A, old, p) {
    const [lo, hi] = logRange(p);
    return A < 0 ? Math.max(d, lo) : A > 0 ? Math.min(d, hi) : d;
  },
  ce_gppo(d, A, old, p) {
    const [lo, hi] = logRange(p);
    if (A < 0 && d < lo) return lo + Math.log(p.beta1);
    if (A > 0 && d > hi) return hi + Math.log(p.beta2);
    return d;
  },
  aspo(d, A, old, p) {
    const [lo, hi] = logRange(p);
    if ((A > 0 && d > hi) || (A < 0 && d < lo)) return -Infinity;
    return Math.min(A > 0 ? -d : d, logCap(p));
  },
  maspo(d, A, old, p) {
    const base = Math.log(p.sigma_base);
    const mass = clamp(base - p.alpha * old, base, Math.log(10));
    const risk = Math.min(Math.log1p(p.beta * Math.abs(A)), Math.log(10));
    const sigma = mass + Math.sign(A) * risk;
    const penalty = 0.5 * (Math.expm1(Math.min(d, 20)) * Math.exp(-sigma)) ** 2;
    const exponent = A * d > 0 ? d - penalty : d;
    return A < 0 ? Math.min(exponent, logCap(p)) : exponent;
  },
  sapo(d, A, old, p) {
    const x = Math.abs((A > 0 ? p.tau_pos : p.tau_neg) * Math.expm1(Math.min(d, 20)));
    return Math.log(4) - x + 2 * logSigmoid(x) + d;
  },
};

function gradientWeight(method, d, A, old, parameters) {
  const ratio = clamp(d, -MAX_LOG_RATIO, MAX_LOG_RATIO);
  return Math.exp(Math.min(LOG_WEIGHTS[method](ratio, A, old, parameters), MAX_LOG_WEIGHT));
}

// "in", "ln", "hp", "lp", "hn", or "zero" for a token without an advantage.
function region(d, A, parameters) {
  if (A === 0) return "zero";
  const [lo, hi] = logRange(parameters);
  if (d < lo) return A < 0 ? "ln" : "lp";
  if (d > hi) return A < 0 ? "hn" : "hp";
  return "in";
}
