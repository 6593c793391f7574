// The time axis that both charts share.

const timeline = overview.timeline;

// Wall time, or wall time with each gap as long as a fiftieth of the rest.
class TimeAxis {
  constructor(skips) {
    const span = Math.max(timeline.end - timeline.begin, 1e-3);
    const idle = timeline.gaps.reduce((sum, [begin, end]) => sum + end - begin, 0);
    const short = Math.max((span - idle) / 50, 1e-3);
    this.pieces = [];  // [time, place] of every corner
    let place = 0, at = timeline.begin;
    this.pieces.push([at, 0]);
    for (const [begin, end] of skips ? timeline.gaps : []) {
      place += begin - at;
      this.pieces.push([begin, place]);
      place += Math.min(short, end - begin);
      this.pieces.push([end, place]);
      at = end;
    }
    this.length = place + Math.max(timeline.begin + span - at, 1e-3);
    this.pieces.push([timeline.begin + span, this.length]);
  }
  map(value, from, to) {
    const pieces = this.pieces;
    let low = 0, high = pieces.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (pieces[middle][from] <= value) low = middle; else high = middle;
    }
    const a = pieces[low], b = pieces[high];
    return b[from] === a[from] ? a[to] : a[to] + ((value - a[from]) / (b[from] - a[from])) * (b[to] - a[to]);
  }
  place(time) { return this.map(time, 0, 1); }
  time(place) { return this.map(place, 1, 0); }
}

const steps = [0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 172800, 604800, 2592000];

// Ticks [place, text] between two places, about `wanted` of them, none inside a shortened gap.
function ticks(axis, from, to, wanted) {
  const step = steps.find((s) => s >= (to - from) / wanted) ?? steps[steps.length - 1];
  const offset = new Date(1000 * timeline.begin).getTimezoneOffset() * 60;
  const found = [];
  for (let piece = 0; piece + 1 < axis.pieces.length; ++piece) {
    const [begin, first] = axis.pieces[piece], [end, last] = axis.pieces[piece + 1];
    if (last - first < (end - begin) * 0.99) continue;
    const since = Math.max(begin, axis.time(Math.max(from, first)));
    const until = Math.min(end, axis.time(Math.min(to, last)));
    for (let t = Math.ceil((since - offset) / step) * step + offset; t <= until; t += step) {
      const place = axis.place(t);
      if (found.length && place - found[found.length - 1][0] < 0.6 * step) continue;
      found.push([place, step < 1 ? `${(t - timeline.begin).toFixed(step < 0.01 ? 3 : step < 0.1 ? 2 : 1)} s` : clock(t, step)]);
    }
  }
  return found;
}

const idle = timeline.gaps.reduce((sum, [begin, end]) => sum + end - begin, 0);
byId("skip-label").hidden = timeline.gaps.length === 0;
byId("skip-gaps").checked = idle > 0.4 * (timeline.end - timeline.begin);
let axis = new TimeAxis(byId("skip-gaps").checked);
