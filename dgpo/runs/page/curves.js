// The run's curves over steps, with marks at the steps that have groups; a click chooses the nearest of these.

function drawOverview(place, state, choose) {
  place.replaceChildren();
  const kept = DATA.steps.map((each) => each.step);
  const all = DATA.curves.flatMap((curve) => curve.points.map(([step]) => step)).concat(kept);
  const [first, last] = [Math.min(...all), Math.max(...all)];
  const [width, height, left, bottom] = [260, 92, 6, 14];
  const x = (step) => left + ((step - first) / Math.max(last - first, 1)) * (width - 2 * left);
  for (const { title, unit, points } of DATA.curves) {
    const values = points.map(([, value]) => value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const y = (value) => 8 + (1 - (value - low) / (high - low || 1)) * (height - bottom - 16);
    const picture = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title} over steps` });
    for (const step of kept) {
      const now = step === state.step ? " now" : "";
      picture.append(drawing("line", { class: `kept${now}`, x1: x(step), x2: x(step), y1: 2, y2: height - bottom }));
    }
    const line = points.map(([step, value]) => `${x(step)},${y(value)}`).join(" ");
    picture.append(drawing("polyline", { class: "curve", points: line }));
    if (points.length < 40)
      for (const [step, value] of points) picture.append(drawing("circle", { class: "dot", cx: x(step), cy: y(value), r: 2 }));
    picture.append(drawing("line", { class: "axis", x1: 0, x2: width, y1: height - bottom, y2: height - bottom }));
    picture.append(drawing("text", { x: left, y: height - 2 }, String(first)));
    picture.append(drawing("text", { x: width - left, y: height - 2, "text-anchor": "end" }, `step ${last}`));
    picture.addEventListener("click", (event) => {
      const box = picture.getBoundingClientRect();
      const step = first + (((event.clientX - box.left) / box.width) * width - left) / (width - 2 * left) * (last - first);
      choose(kept.reduce((best, each) => (Math.abs(each - step) < Math.abs(best - step) ? each : best), kept[0]));
    });
    const head = element("figcaption", {}, element("span", {}, title), element("span", {}, element("b", {}, figure(values.at(-1))), ` ${unit}`));
    place.append(element("figure", { title: `${title}: ${figure(values[0])} to ${figure(values.at(-1))} ${unit}` }, head, picture));
  }
}
