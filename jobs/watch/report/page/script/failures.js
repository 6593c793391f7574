function renderFailures() {
  const {rows, left_out} = overview.failures;
  const words = byId("failures-words"), box = byId("failures-box");
  if (rows.length === 0) {
    words.textContent = "None.";
    box.hidden = true;
    return;
  }
  byId("failures-filter").hidden = false;
  const entries = rows.map((row) => ({row, text: [row.id, row.class, row.state, row.reason].join("\n").toLowerCase()}));
  const search = byId("failures-search");
  const most = 500;
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = entries.filter((entry) => entry.text.includes(wanted));
    words.textContent = (wanted ? `${count(found.length)} of ${count(rows.length)}` : plural(rows.length, "item")) +
      (left_out ? `; ${count(left_out)} more are left out (ditmill results ls shows all)` : "") +
      (found.length > most ? `; the first ${most} are shown` : "");
    table(byId("failures-table"), [["Item"], ["Class"], ["Attempts", "number"], ["When"], ["Reason"]],
      found.slice(0, most).map(({row}) => make("tr", {},
        cell(row.id, "nowrap"),
        cell(make("span", {class: `mark ${row.state}`}, row.class), "nowrap"),
        cell(count(row.attempts), "number"),
        cell(row.time ? when(row.time) : "–", "nowrap"),
        cell(row.reason, "words"))));
  };
  search.addEventListener("input", show);
  show();
}
