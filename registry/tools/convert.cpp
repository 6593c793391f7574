#include "registry/tools/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "configs/size_text.h"
#include "registry/formats/new_file.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/model_folder.h"
#include "registry/tools/convert_folder.h"
#include "registry/tools/new_folder.h"
#include "registry/tools/open_weights.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

bool is_model(const ModelPlaces& places) {
  return places.components.size() > 1 || places.components.front().path != places.path;
}

WrittenWeights convert_component(const Component& component, const ConvertRequest& request,
                                 const std::string& out, const Catalog& catalog) {
  const Layout& from = layout_from(component, catalog);
  const Layout& to = layout_to(component, from, request.to, catalog);
  const std::optional<SideFile> side = read_side_file(component.files.front().path);
  if (side && request.dtype) {
    throw Error{Category::usage,
                "convert weights",
                Where{.file = side->file.path},
                Expected{"no --dtype beside such a file, which brings back the bytes that there were"},
                Got{std::string{name(*request.dtype)}},
                "convert without --dtype, then the result with it"};
  }
  WrittenWeights written =
      write_plan(plan_conversion(component, from, to, side ? &*side : nullptr), request.dtype, out);
  written.what = from.architecture;
  return written;
}

void convert_model(const ConvertRequest& request, const ModelPlaces& places, const Catalog& catalog,
                   Conversion& conversion) {
  NewFolder folder{request.out};
  TargetFolder target{request.to, folder.unfinished(), catalog};
  for (const ComponentPlace& place : places.components) {
    const Component component = open_component(place, catalog, {}, conversion.warnings);
    const Layout& from = layout_from(component, catalog);
    const std::string file =
        target.place_for(component, place, layout_to(component, from, request.to, catalog));
    conversion.weights.push_back(convert_component(component, request, file, catalog));
  }
  target.finish(places, conversion.copied);
  folder.publish();
  for (WrittenWeights& written : conversion.weights) {
    folder.settle(written.path);
    folder.settle(written.side);
  }
  for (std::string& file : conversion.copied) folder.settle(file);
}

}  // namespace

Conversion convert_weights(const ConvertRequest& request, const Catalog& catalog) {
  Conversion conversion;
  if (is_folder(request.source)) {
    ModelPlaces places = find_components(request.source, catalog);
    conversion.warnings = std::move(places.warnings);
    if (is_model(places)) {
      convert_model(request, places, catalog, conversion);
      return conversion;
    }
  }
  check_weights_path(request.out);
  OpenedWeights opened = open_weights({&request.source, 1}, catalog);
  std::ranges::move(opened.warnings, std::back_inserter(conversion.warnings));
  conversion.weights.push_back(
      convert_component(opened.components.front().component, request, request.out, catalog));
  return conversion;
}

nlohmann::json to_json(const Conversion& conversion) {
  nlohmann::json weights = nlohmann::json::array();
  for (const WrittenWeights& written : conversion.weights) {
    weights.push_back(
        {{"path", written.path},
         {"architecture", written.what},
         {"tensors", written.tensors},
         {"bytes", written.bytes},
         {"side", written.side.empty() ? nlohmann::json(nullptr) : nlohmann::json(written.side)},
         {"aside", written.aside}});
  }
  return {{"weights", std::move(weights)}, {"copied", conversion.copied}};
}

std::string conversion_text(const Conversion& conversion) {
  std::string text;
  for (const WrittenWeights& written : conversion.weights) {
    text += fmt::format("{}: {}, {} tensors, {}\n", printable(written.path, 400), written.what,
                        written.tensors, size_text(static_cast<double>(written.bytes)));
    if (written.side.empty()) continue;
    text += fmt::format("{}: {} tensors without a counterpart, for the way back\n",
                        printable(written.side, 400), written.aside);
  }
  if (!conversion.copied.empty()) text += fmt::format("and {} small files\n", conversion.copied.size());
  return text;
}

}  // namespace ditmill::registry
