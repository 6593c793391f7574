// The distance of about four grid lines up to n, whole.
function gridStep(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n / 4, 1)));
  return [1, 2, 2.5, 5, 10].map((f) => f * power).find((step) => Number.isInteger(step) && step >= n / 5);
}

function renderProgress() {
  const box = byId("progress-chart");
  const {times, counts} = timeline.progress;
  const words = byId("progress-words");
  if (timeline.end <= timeline.begin) {
    words.textContent = "Nothing has run yet.";
    box.hidden = true;
    return;
  }
  words.textContent = `${duration(timeline.end - timeline.begin)} from the first item to the last` +
    (timeline.gaps.length ? `, ${duration(idle)} of it in ${plural(timeline.gaps.length, "gap")} where nothing ran` : "");
  const width = Math.max(box.clientWidth - 32, 200), height = 260;
  const left = 52, bottom = 24, top = 14;
  const right = width - 8, floor = height - bottom;
  const total = overview.counts.items;
  const done = counts.length ? counts[counts.length - 1] : 0;
  const most = done > 0.5 * total ? total : Math.max(done, 1);
  const step = gridStep(most);
  const scale = Math.ceil(most / step) * step;
  const x = (time) => left + (axis.place(time) / axis.length) * (right - left);
  const y = (n) => floor - (n / scale) * (floor - top);

  const svg = draw("svg", {viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": `${count(done)} of ${count(total)} items done over time`});
  svg.append(draw("defs", {}, draw("pattern", {id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
    draw("line", {class: "hatch", x1: 0, y1: 0, x2: 0, y2: 7}))));
  for (let n = 0; n <= scale; n += step) {
    svg.append(draw("line", {class: "grid", x1: left, x2: right, y1: y(n), y2: y(n)}),
      draw("text", {x: left - 8, y: y(n) + 4, "text-anchor": "end"}, count(n)));
  }
  for (const [begin, end] of timeline.gaps) {
    const gap = draw("rect", {class: "gap", x: x(begin), y: top, width: Math.max(x(end) - x(begin), 1), height: floor - top});
    svg.append(gap);
    if (x(end) - x(begin) > 90) svg.append(draw("text", {x: (x(begin) + x(end)) / 2, y: top + 14, "text-anchor": "middle"}, `nothing ran for ${duration(end - begin)}`));
  }
  let path = `M${x(timeline.begin)} ${y(0)}`, last = 0;
  times.forEach((time, i) => {
    path += `L${x(time).toFixed(2)} ${y(times.length > 400 ? counts[i] : last).toFixed(2)}L${x(time).toFixed(2)} ${y(counts[i]).toFixed(2)}`;
    last = counts[i];
  });
  path += `L${x(timeline.end)} ${y(last)}`;
  svg.append(draw("path", {class: "area", d: `${path}L${x(timeline.end)} ${floor}L${left} ${floor}Z`}));
  if (overview.epochs.length > 1) {
    let free = -1;
    for (const epoch of overview.epochs.filter((e) => e.begin)) {
      const at = x(epoch.begin);
      svg.append(draw("line", {class: "epoch", x1: at, x2: at, y1: top, y2: floor}));
      if (at < free) continue;
      svg.append(draw("text", {x: at + 5, y: floor - 7}, `start ${epoch.number}`));
      free = at + 52;
    }
  }
  svg.append(draw("path", {class: "curve", d: path}));
  for (const [place, text] of ticks(axis, 0, axis.length, width / 110)) {
    const at = left + (place / axis.length) * (right - left);
    if (at < right - 20) svg.append(draw("text", {x: at, y: height - 6, "text-anchor": "middle"}, text));
  }
  const cursor = draw("line", {class: "cursor", y1: top, y2: floor, visibility: "hidden"});
  svg.append(cursor);
  svg.addEventListener("pointermove", (event) => {
    const at = Math.min(Math.max(event.clientX - svg.getBoundingClientRect().left, left), right);
    const time = axis.time(((at - left) / (right - left)) * axis.length);
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle + 1; else high = middle;
    }
    const n = low ? counts[low - 1] : 0;
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.setAttribute("visibility", "visible");
    showTip(`${when(time)}\n${plural(n, "item")} done`, event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    hideTip();
  });
  box.replaceChildren(svg);
}
