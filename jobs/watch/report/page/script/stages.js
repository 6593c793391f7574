const stageNames = {text: "Text", denoise: "Denoise", decode: "Decode", store: "Store", total: "Together"};

function renderStages(stages) {
  const select = byId("stages-class");
  select.parentElement.hidden = stages.classes.length < 2;
  select.replaceChildren(...stages.classes.map((one, i) => make("option", {value: i}, one.name)));
  const show = () => {
    const chosen = stages.classes[Number(select.value) || 0];
    if (!chosen) {
      byId("stages-words").textContent = "";
      byId("stages-chart").replaceChildren(make("p", {class: "muted"}, "No item is done yet."));
      return;
    }
    byId("stages-words").textContent = `${plural(chosen.items, "item")}` + (stages.items < stages.of ? `, evenly spread over the ${count(stages.of)} that are done` : "") + "; the bar spans the middle 80 %, the mark is the median";
    const scale = Math.max(...chosen.stages.map((stage) => stage.p90), 1e-9) * 1.02;
    const total = chosen.stages.find((stage) => stage.stage === "total");
    const rows = chosen.stages.map((stage) => {
      const range = make("i"), mark = make("b");
      range.style.left = `${(100 * stage.p10) / scale}%`;
      range.style.width = `${(100 * (stage.p90 - stage.p10)) / scale}%`;
      mark.style.left = `${(100 * stage.median) / scale}%`;
      return make("tr", {class: stage.stage === "total" ? "total" : undefined},
        cell(stageNames[stage.stage]),
        cell(make("div", {"aria-hidden": "true"}, range, mark), "spread"),
        cell(seconds(stage.median), "number"),
        cell(seconds(stage.p90), "number"),
        cell(seconds(stage.most), "number"),
        cell(total && total.mean > 0 ? `${Math.round((100 * stage.mean) / total.mean)} %` : "–", "number"));
    });
    const into = make("table");
    table(into, [["Stage"], [""], ["Median", "number"], ["90 % within", "number"], ["Longest", "number"], ["Share", "number"]], rows);
    byId("stages-chart").replaceChildren(make("div", {class: "stages scroll"}, into));
  };
  select.addEventListener("change", show);
  show();
}
