#pragma once

#include <span>
#include <string_view>

namespace ditmill {

/// A text file of the source tree, compiled in so that the executables need no data folder.
struct EmbeddedText {
  std::string_view stem;  ///< file name without its ending
  std::string_view path;  ///< from the root of the source tree, for messages
  std::string_view text;
};

namespace embedded {
std::span<const EmbeddedText> presets();          ///< configs/presets/*.yaml
std::span<const EmbeddedText> family_fields();    ///< models/*/fields.yaml
std::span<const EmbeddedText> manifest_schema();  ///< configs/manifest.schema.json
std::span<const EmbeddedText> bench_peer();       ///< jobs/bench/bench_peer.py
std::span<const EmbeddedText> load_peers();       ///< tests/reference/peers/load_peers.py
std::span<const EmbeddedText> machines();         ///< jobs/bench/sweep/machines.sh
std::span<const EmbeddedText> report_page();      ///< jobs/watch/report/page/report.{html,css,js}
std::span<const EmbeddedText> script_parts();     ///< slurm/script/*.sh
}  // namespace embedded

}  // namespace ditmill
