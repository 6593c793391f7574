#include "jobs/watch/report/stages.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

namespace ditmill::jobs::watch {
namespace {

using nlohmann::json;
using Values = std::array<std::vector<float>, 4>;

constexpr std::array<const char*, 4> stage_names{"text", "denoise", "decode", "store"};
constexpr std::size_t most_sizes = 12;

json stage_json(const char* stage, std::vector<float> values) {
  const Spread spread = spread_of(std::move(values));
  return {{"stage", stage},    {"p10", spread.p10},   {"median", spread.median},
          {"p90", spread.p90}, {"most", spread.most}, {"mean", spread.mean}};
}

json class_json(const std::string& name, const Values& values) {
  json stages = json::array();
  std::vector<float> total(values[0].size());
  for (std::size_t stage = 0; stage < values.size(); ++stage) {
    const std::vector<float>& seconds = values[stage];
    std::transform(seconds.begin(), seconds.end(), total.begin(), total.begin(), std::plus<>());
    const bool unused = std::all_of(seconds.begin(), seconds.end(), [](float value) { return value <= 0; });
    if (!unused) stages.push_back(stage_json(stage_names[stage], seconds));
  }
  const std::size_t items = total.size();
  stages.push_back(stage_json("total", std::move(total)));
  return {{"name", name}, {"items", items}, {"stages", std::move(stages)}};
}

std::string size_name(const std::array<int, 3>& size) {
  return std::to_string(size[2]) + " × " + std::to_string(size[1]) + ", " + std::to_string(size[0]) +
         (size[0] == 1 ? " frame" : " frames");
}

}  // namespace

Spread spread_of(std::vector<float> values) {
  const auto quantile = [&values](double share) {
    const auto place = std::lround(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + place, values.end());
    return static_cast<double>(values[static_cast<std::size_t>(place)]);
  };
  Spread spread;
  spread.p10 = quantile(0.1);
  spread.median = quantile(0.5);
  spread.p90 = quantile(0.9);
  spread.most = *std::max_element(values.begin(), values.end());
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  return spread;
}

void StageTable::add(int width, int height, int frames, const StageSeconds& seconds) {
  Values& values = sizes_[{frames, height, width}];
  const std::array<double, 4> spent{seconds.text, seconds.denoise, seconds.decode, seconds.store};
  for (std::size_t stage = 0; stage < spent.size(); ++stage) {
    values[stage].push_back(static_cast<float>(spent[stage]));
  }
  ++items_;
}

json StageTable::to_json(std::size_t of) const {
  std::vector<const std::pair<const Size, Values>*> sizes;
  for (const auto& entry : sizes_) sizes.push_back(&entry);
  std::stable_sort(sizes.begin(), sizes.end(),
                   [](const auto* a, const auto* b) { return a->second[0].size() > b->second[0].size(); });
  json classes = json::array();
  if (sizes.size() > 1) {
    Values all;
    for (const auto* entry : sizes) {
      for (std::size_t stage = 0; stage < all.size(); ++stage) {
        all[stage].insert(all[stage].end(), entry->second[stage].begin(), entry->second[stage].end());
      }
    }
    classes.push_back(class_json("all sizes", all));
  }
  for (const auto* entry : sizes) {
    if (classes.size() > most_sizes) break;
    classes.push_back(class_json(size_name(entry->first), entry->second));
  }
  return {{"items", items_}, {"of", of}, {"classes", std::move(classes)}};
}

}  // namespace ditmill::jobs::watch
