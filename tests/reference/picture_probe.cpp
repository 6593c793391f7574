// picture_probe: answers each line of standard input, a JSON object, with one that has `error` (null or
// words). `mode`:
//   info, decode   of the picture `file`: format, width, height, orientation; pixels go to `out`
//   resize         of width x height pixels in `file` to `to`, `filter`; pixels go to `out`; the least of
//   `repeats`
//                  times in seconds
//   clip, range    of such pixels: float32 values go to `out`
//   sizes          of width, height, area, multiple: by_area, within_area
#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "models/pictures/model_input.h"
#include "models/pictures/picture_sizes.h"
#include "models/pictures/read_picture.h"
#include "models/pictures/resize.h"
#include "registry/byte_source.h"

namespace {

using nlohmann::json;
namespace pictures = ditmill::models::pictures;

template <typename Values>
void write(const json& request, const Values& values) {
  std::ofstream file(request.at("out").get<std::string>(), std::ios::binary);
  const auto bytes = std::as_bytes(std::span{values});
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

pictures::Picture pixels_of(const json& request) {
  std::ifstream file(request.at("file").get<std::string>(), std::ios::binary);
  return {request.at("width").get<int>(),
          request.at("height").get<int>(),
          {std::istreambuf_iterator<char>(file), {}}};
}

json read(const json& request) {
  const auto source = ditmill::registry::open_file(request.at("file").get<std::string>());
  const pictures::PictureInfo info = pictures::read_info(*source);
  constexpr const char* formats[] = {"PNG", "JPEG", "WEBP"};
  json answer{{"format", formats[static_cast<int>(info.format)]}, {"orientation", info.orientation}};
  answer["width"] = info.width;
  answer["height"] = info.height;
  if (request.at("mode") == "info") return answer;
  const pictures::Picture picture = pictures::decode(*source);
  if (picture.width != info.width || picture.height != info.height) throw std::runtime_error("sizes differ");
  write(request, picture.rgb);
  return answer;
}

json resize(const json& request) {
  const pictures::Picture picture = pixels_of(request);
  const auto filter =
      request.at("filter") == "lanczos" ? pictures::Filter::lanczos : pictures::Filter::bicubic;
  pictures::Picture resized;
  double least = std::numeric_limits<double>::max();
  for (int i = 0; i < request.value("repeats", 1); ++i) {
    const auto begin = std::chrono::steady_clock::now();
    resized = pictures::resize(picture, request.at("to").at(0), request.at("to").at(1), filter);
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  write(request, resized.rgb);
  return {{"width", resized.width}, {"height", resized.height}, {"seconds", least}};
}

json sizes(const json& request) {
  const auto answer = [&](const auto& rule) {
    const auto size = rule(request.at("width").get<int>(), request.at("height").get<int>(),
                           request.at("area").get<std::int64_t>(), request.at("multiple").get<int>());
    return json{size.width, size.height};
  };
  return {{"by_area", answer(pictures::size_by_area)}, {"within_area", answer(pictures::size_within_area)}};
}

json answer(const json& request) {
  const std::string mode = request.at("mode");
  if (mode == "info" || mode == "decode") return read(request);
  if (mode == "resize") return resize(request);
  if (mode == "sizes") return sizes(request);
  const pictures::Picture picture = pixels_of(request);
  write(request, mode == "clip" ? pictures::clip_pixels(picture) : pictures::to_model_range(picture));
  return json::object();
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    json reply;
    try {
      reply = answer(json::parse(line));
      reply["error"] = nullptr;
    } catch (const std::exception& e) {
      reply = {{"error", e.what()}};
    }
    std::cout << reply.dump() << std::endl;
  }
}
