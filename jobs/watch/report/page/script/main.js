renderHead();
renderFailures();
renderLoading(overview.loading);
const lanes = new Lanes();
redraws.push(renderProgress, () => lanes.draw());
byId("skip-gaps").addEventListener("change", () => {
  axis = new TimeAxis(byId("skip-gaps").checked);
  renderProgress();
  lanes.reset();
});
redrawAll();

document.addEventListener("DOMContentLoaded", () => {
  const items = [], configs = [];
  for (const block of document.querySelectorAll("script.items")) {
    const part = JSON.parse(block.textContent);
    items.push(...part.items);
    configs.push(...part.configs);
    block.remove();
  }
  items.sort((a, b) => a.n - b.n);
  const end = JSON.parse(byId("end")?.textContent ?? '{"notes": ["The page is not whole: its end is missing."], "stages": {"classes": [], "items": 0, "of": 0}}');
  renderNotes(end.notes);
  renderStages(end.stages);
  renderClips(items, configs, overview.counts.done, end.shrank);
  document.documentElement.dataset.ready = "yes";
});
