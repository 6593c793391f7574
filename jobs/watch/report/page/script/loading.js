// How the weights came to the ranks at the last start that loaded any.
function renderLoading(loading) {
  const section = byId("loading");
  section.hidden = !loading || loading.components.length === 0;
  if (section.hidden) return;
  const size = (bytes) => (bytes >= 1e8 ? `${(bytes / 1e9).toFixed(2)} GB` : bytes > 0 ? `${(bytes / 1e6).toFixed(1)} MB` : "–");
  const sum = (name) => loading.components.reduce((all, one) => all + one[name], 0);
  byId("loading-words").textContent = `${size(sum("bytes"))} in ${seconds(sum("seconds"))} at start ${loading.epoch}; of work that goes on side by side, the rank that had most`;
  const rows = loading.components.map((one) =>
    make("tr", {},
      cell(one.name),
      cell(make("span", {title: one.why}, one.strategy)),
      cell(size(one.bytes), "number"),
      cell(seconds(one.seconds), "number"),
      ...["read", "network", "hash", "copy"].map((what) => cell(one.busy[what] > 0 ? seconds(one.busy[what]) : "–", "number")),
      cell(size(one.network_bytes), "number"),
      cell(size(one.private_bytes), "number"),
      cell(size(one.shared_bytes), "number")));
  const number = (name) => [name, "number"];
  table(byId("loading-table"), [["Component"], ["Strategy"], ...["Files", "Seconds", "Read", "Network", "Hash", "Copy", "Over links", "Private", "Shared"].map(number)], rows);
}
