#include "jobs/watch/report/input_pictures.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "configs/error.h"
#include "jobs/results/export/jpeg.h"
#include "jobs/results/export/picture.h"
#include "jobs/run/frozen/kept_inputs.h"
#include "jobs/watch/report/page.h"
#include "models/pictures/input_picture.h"

namespace ditmill::jobs::watch {
namespace {

using nlohmann::json;

constexpr int side = 96;
constexpr int quality = 60;
constexpr std::size_t most_remembered = 4096;  ///< of a few kB each

std::string data_url(const configs::FileValue& file) {
  try {
    models::pictures::Picture picture = models::pictures::read_input(file);
    const results::Picture small = results::fitted(
        {.width = picture.width, .height = picture.height, .rgb = std::move(picture.rgb)}, side);
    return "data:image/jpeg;base64," + base64(results::jpeg_bytes(small, quality));
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

const std::string& InputPictures::picture(const std::string& field, const configs::FileValue& file) {
  const auto known = pictures_.find(file.sha256);
  if (known != pictures_.end()) return known->second;
  if (pictures_.size() == most_remembered) pictures_.clear();
  const configs::FieldValues there = run::with_kept_inputs(run_, {{field, file}});
  return pictures_.emplace(file.sha256, data_url(std::get<configs::FileValue>(there.at(field))))
      .first->second;
}

json InputPictures::of(const results::h5::Attributes& attributes) {
  json shown = json::array();
  for (const auto& [name, value] : attributes) {
    const auto* text = name == "inputs_json" ? std::get_if<std::string>(&value) : nullptr;
    const json inputs = text == nullptr ? json() : json::parse(*text, nullptr, false);
    if (!inputs.is_object()) continue;
    for (const auto& [field, input] : inputs.items()) {
      if (!input.is_object()) continue;
      const configs::FileValue file{.path = input.value("path", ""), .sha256 = input.value("sha256", "")};
      const std::string& url = picture(field, file);
      shown.push_back({{"field", field}, {"path", file.path}, {"picture", url.empty() ? json() : json(url)}});
    }
  }
  return shown;
}

}  // namespace ditmill::jobs::watch
