const states = {done: "Done", failed: "Finished with failures", running: "Running", stopped: "Stopped early", crashed: "Ended without a word", empty: "Not started"};

function parallelWords(parallel) {
  if (!parallel || typeof parallel !== "object") return parallel;
  const degrees = ["dp", "cfg", "ring", "ulysses", "pp", "tp"].filter((axis) => parallel[axis] !== 1).map((axis) => `${axis} ${parallel[axis]}`);
  if (parallel.fsdp) degrees.push("fsdp");
  return degrees.join(" × ") || "one rank";
}

const parameters = (n) => (n >= 1e9 ? `${(n / 1e9).toPrecision(2)} B` : n >= 9.5e6 ? `${Math.round(n / 1e6)} M` : `${(n / 1e6).toPrecision(2)} M`);

function renderSettings() {
  const config = overview.config;
  if (!config) {
    byId("settings").append(make("dd", {class: "muted"}, "config.json is not there: the run did not get as far"));
    return;
  }
  const model = config.layer1_model_definition ?? {};
  const pipeline = config.layer2_inference_config ?? {};
  const noop = model.noop !== null && model.noop !== undefined;
  const parts = (model.models ?? []).map((part) => `${part.name} ${part.variant || part.class} (${part.dtype}, ${parameters(part.parameters)})`);
  pairs(byId("settings"), [
    ["Model", noop ? `none: a rehearsal of ${model.noop} s an item` : model.path],
    ["Weights", parts.join("; ")],
    ["Preset", pipeline.preset],
    ["Sampling", noop ? undefined : `${pipeline.solver}, ${pipeline.steps} steps, guidance ${pipeline.guidance_scale}, flow shift ${pipeline.flow_shift}`],
    ["Precision", noop ? undefined : pipeline.dtype],
    ["Layout", parallelWords(pipeline.parallel)],
    ["Device", config.device_name || config.device],
    ["Threads a rank", config.threads],
    ["ditmill", config.ditmill_version],
    ["Directory", overview.run],
  ]);
}

function renderEpochs() {
  const rows = overview.epochs.map((epoch) => make("tr", {},
    cell(epoch.number, "number"),
    cell(epoch.begin ? when(epoch.begin) : "–", "nowrap"),
    cell(epoch.begin ? duration(epoch.end - epoch.begin) : "–", "nowrap"),
    cell(epoch.host || "–"),
    cell(epoch.slurm_job ? epoch.slurm_job + (epoch.slurm_restart ? ` (restart ${epoch.slurm_restart})` : "") : "–"),
    cell(count(epoch.groups), "number"),
    cell(count(epoch.done), "number"),
    cell(count(epoch.failed), "number")));
  if (rows.length === 0) rows.push(make("tr", {}, make("td", {colspan: 8, class: "muted"}, "None yet")));
  table(byId("epochs"), [["No.", "number"], ["First item"], ["For"], ["Host"], ["Slurm job"], ["Groups", "number"], ["Done", "number"], ["Failed", "number"]], rows);
}

function renderHead() {
  const counts = overview.counts;
  document.title = `${overview.name} · ditmill report`;
  byId("name").textContent = overview.name;
  byId("state").textContent = states[overview.state];
  byId("state").classList.add({done: "done", failed: "failed", running: "running", stopped: "quarantined", crashed: "failed"}[overview.state] ?? "left");
  byId("reason").textContent = [overview.reason, overview.exit === null ? "" : `exit code ${overview.exit}`].filter(Boolean).join(" · ");
  const kinds = ["done", "failed", "quarantined", "left"];
  const share = byId("share");
  share.setAttribute("aria-label", kinds.map((kind) => `${count(counts[kind])} ${kind}`).join(", "));
  for (const kind of kinds.slice(0, 3)) {
    if (counts[kind]) share.append(make("span", {class: kind, style: `flex: ${counts[kind]} 0 0`}));
  }
  if (counts.left) share.append(make("span", {class: "left", style: `flex: ${counts.left} 0 0; background: none`}));
  const figure = (name, value, small, kind) => make("div", {}, make("dt", {class: kind}, name), make("dd", {}, value, small ? make("small", {}, ` ${small}`) : null));
  const active = overview.active_seconds;
  const rate = active > 0 ? (3600 * counts.done) / active : 0;
  byId("counts").append(
    figure("Done", count(counts.done), `of ${count(counts.items)}`, "done"),
    figure("Failed", count(counts.failed), "", "failed"),
    figure("Quarantined", count(counts.quarantined), "", "quarantined"),
    figure("Left", count(counts.left), "", "left"),
    figure("Time at work", active > 0 ? duration(active) : "–"),
    figure("Items an hour", rate > 0 ? count(Number(rate.toPrecision(3))) : "–"),
    figure("Starts", count(overview.epochs.length)));
  renderSettings();
  renderEpochs();
  byId("footer").textContent = `Written ${when(overview.generated)} by ditmill ${overview.version} from the files of the run. Times are those of this browser's time zone.`;
}

function renderNotes(notes) {
  if (notes.length === 0) return;
  const box = byId("notes");
  box.replaceChildren(make("h3", {}, notes.length === 1 ? "One note" : `${count(notes.length)} notes`), make("ul", {}, ...notes.map((note) => make("li", {}, note))));
  box.hidden = false;
}
