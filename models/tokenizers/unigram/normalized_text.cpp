#include "models/tokenizers/unigram/normalized_text.h"

#include <algorithm>
#include <numeric>

#include "configs/utf8.h"

namespace ditmill::models {

NormalizedText::NormalizedText(std::string text) : text_(std::move(text)), origins_(text_.size()) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if ((static_cast<unsigned char>(text_[i]) & 0xc0) != 0x80) begin = i;
    origins_[i] = static_cast<std::uint32_t>(begin);
  }
}

NormalizedText::NormalizedText(std::string text, std::vector<std::uint32_t> origins)
    : text_(std::move(text)), origins_(std::move(origins)) {}

NormalizedText NormalizedText::slice(Place place) const {
  const auto begin = origins_.begin() + static_cast<std::ptrdiff_t>(place.first);
  const auto end = origins_.begin() + static_cast<std::ptrdiff_t>(place.second);
  return {text_.substr(place.first, place.second - place.first), {begin, end}};
}

void NormalizedText::replace(std::span<const Place> places, std::string_view content) {
  std::string text;
  std::vector<std::uint32_t> origins;
  text.reserve(text_.size());
  origins.reserve(text_.size());
  const auto keep = [&](std::size_t begin, std::size_t end) {
    text.append(text_, begin, end - begin);
    origins.insert(origins.end(), origins_.begin() + static_cast<std::ptrdiff_t>(begin),
                   origins_.begin() + static_cast<std::ptrdiff_t>(end));
  };
  std::size_t kept = 0;
  for (const auto& [begin, end] : places) {
    keep(kept, begin);
    text += content;
    origins.insert(origins.end(), content.size(), origins_[end - 1]);
    kept = end;
  }
  keep(kept, text_.size());
  text_ = std::move(text);
  origins_ = std::move(origins);
}

void NormalizedText::prepend(std::string_view content) {
  text_.insert(0, content);
  origins_.insert(origins_.begin(), content.size(), origins_.front());
}

void NormalizedText::transform(std::span<const Change> changes, std::size_t removed) {
  std::size_t at = 0;  // the next character of the old text
  const auto step = [&] {
    if (at < text_.size()) at += utf8::decode(std::string_view(text_).substr(at)).length;
  };
  for (std::size_t i = 0; i < removed; ++i) step();
  std::string text;
  std::vector<std::uint32_t> origins;
  text.reserve(text_.size());
  origins.reserve(text_.size());
  for (const auto& [character, change] : changes) {
    const std::size_t from = change > 0 ? std::max<std::size_t>(at, 1) - 1 : std::min(at, text_.size() - 1);
    utf8::append(text, character);
    origins.resize(text.size(), origins_[from]);
    for (int i = change; i <= 0; ++i) step();
  }
  text_ = std::move(text);
  origins_ = std::move(origins);
}

}  // namespace ditmill::models
