#include "dist/weights/source/local_files.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dist/comm/agree.h"
#include "dist/weights/source/direct_source.h"

namespace ditmill::dist {

std::vector<std::shared_ptr<const FileMap>> map_local(const ComponentPlan& plan, const Sources& sources) {
  std::vector<std::shared_ptr<const FileMap>> maps;
  // One that cannot be mapped is read.
  failure_of([&] {
    for (std::size_t f = 0; f < sources.size(); ++f) {
      if (is_remote(sources[f]->label())) return;
      auto map = FileMap::open(sources[f]->label());
      if (map->bytes().size() != plan.files[f].size) return;
      maps.push_back(std::move(map));
    }
  });
  if (maps.size() < sources.size()) maps.clear();
  return maps;
}

bool are_cached(const std::vector<std::shared_ptr<const FileMap>>& maps) {
  return std::ranges::all_of(maps, [](const auto& map) { return map->cached() >= mostly_cached; });
}

std::vector<std::shared_ptr<const FileMap>> map_cached(const ComponentPlan& plan, const Sources& sources) {
  auto maps = map_local(plan, sources);
  if (!are_cached(maps)) maps.clear();
  return maps;
}

void read_past_cache(Sources& sources) {
  for (auto& source : sources) {
    const std::string path = source->label();
    if (is_remote(path)) continue;
    // One that cannot be opened again is read as it is.
    failure_of([&] { source = open_direct(path); });
  }
}

}  // namespace ditmill::dist
