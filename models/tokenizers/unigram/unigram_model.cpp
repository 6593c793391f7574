#include "models/tokenizers/unigram/unigram_model.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

#include "configs/error.h"
#include "configs/utf8.h"

namespace ditmill::models {
namespace {

constexpr double unknown_penalty = 10;

std::string byte_piece(unsigned byte) {
  std::array<char, 8> name{};
  std::snprintf(name.data(), name.size(), "<0x%02X>", byte);
  return name.data();
}

}  // namespace

PieceTrie::PieceTrie(const std::vector<std::string>& pieces) {
  std::vector<std::uint32_t> order(pieces.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int compared = pieces[a].compare(pieces[b]);
    return compared != 0 ? compared < 0 : a < b;
  });
  struct Work {
    std::size_t node, begin, end, depth;  // the pieces of order[begin, end) share their first `depth` bytes
  };
  nodes_.emplace_back();
  std::vector<Work> waiting{{0, 0, order.size(), 0}};
  for (std::size_t next = 0; next < waiting.size(); ++next) {
    auto [node, begin, end, depth] = waiting[next];
    for (; begin < end && pieces[order[begin]].size() == depth; ++begin) {
      nodes_[node].id = static_cast<std::int32_t>(order[begin]);
    }
    nodes_[node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (begin < end) {
      const char label = pieces[order[begin]][depth];
      const std::size_t first = begin;
      while (begin < end && pieces[order[begin]][depth] == label) ++begin;
      waiting.push_back({nodes_.size(), first, begin, depth + 1});
      nodes_.push_back({.label = static_cast<unsigned char>(label)});
      ++nodes_[node].children;
    }
  }
}

const PieceTrie::Node* PieceTrie::child(const Node& node, unsigned char label) const noexcept {
  const Node* const first = nodes_.data() + node.first_child;
  const Node* const last = first + node.children;
  const Node* const found =
      std::lower_bound(first, last, label, [](const Node& a, unsigned char b) { return a.label < b; });
  return found != last && found->label == label ? found : nullptr;
}

std::optional<int> PieceTrie::find(std::string_view text) const noexcept {
  const Node* node = &nodes_.front();
  for (const char c : text) {
    node = child(*node, static_cast<unsigned char>(c));
    if (node == nullptr) return std::nullopt;
  }
  return node->id < 0 ? std::nullopt : std::optional<int>(node->id);
}

UnigramModel::UnigramModel(const TokenizerJson::Unigram& model)
    : trie_(model.pieces),
      scores_(model.scores),
      unknown_(model.unknown),
      unknown_score_(*std::min_element(scores_.begin(), scores_.end()) - unknown_penalty) {
  for (unsigned byte = 0; byte < 256 && model.byte_fallback; ++byte) {
    bytes_.push_back(trie_.find(byte_piece(byte)));
  }
}

std::vector<UnigramModel::Step> UnigramModel::best_steps(std::string_view text) const {
  std::vector<Step> best(text.size() + 1);
  for (std::size_t begin = 0; begin < text.size();) {
    const double so_far = best[begin].score;
    // The first of equally good ways stays: the longer last piece.
    const auto offer = [&](std::size_t end, double score, int id) {
      Step& step = best[end];
      if (step.id < 0 || so_far + score > step.score) step = {so_far + score, begin, id};
    };
    const std::size_t character = utf8::decode(text.substr(begin)).length;
    bool known = false;
    trie_.prefixes(text.substr(begin), [&](std::size_t length, int id) {
      offer(begin + length, scores_[static_cast<std::size_t>(id)], id);
      known = known || length == character;
    });
    if (!known) {
      if (!unknown_) {
        throw Error{Category::bad_input, "tokenise a text",
                    Where{.file = "tokenizer.json", .key = "model.unk_id"},
                    Expected{"a vocabulary with an unknown piece, or with every character"},
                    Got{"'" + printable(text.substr(begin, character)) + "'"}};
      }
      offer(begin + character, unknown_score_, *unknown_);
    }
    begin += character;
  }
  return best;
}

void UnigramModel::encode(std::string_view text, std::vector<int>& ids) const {
  const std::vector<Step> best = best_steps(text);
  std::vector<std::size_t> ends;
  for (std::size_t end = text.size(); end > 0; end = best[end].begin) ends.push_back(end);
  std::size_t unknown_begin = text.size();
  for (std::size_t i = ends.size(); i > 0; --i) {
    const Step& step = best[ends[i - 1]];
    if (step.id != unknown_) {
      ids.push_back(step.id);
      continue;
    }
    unknown_begin = std::min(unknown_begin, step.begin);
    if (i > 1 && best[ends[i - 2]].id == unknown_) continue;
    append_unknown(text.substr(unknown_begin, ends[i - 1] - unknown_begin), ids);
    unknown_begin = text.size();
  }
}

void UnigramModel::append_unknown(std::string_view text, std::vector<int>& ids) const {
  if (const auto id = trie_.find(text)) {
    ids.push_back(*id);
    return;
  }
  const bool in_bytes = !bytes_.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return bytes_[static_cast<unsigned char>(c)].has_value();
  });
  if (!in_bytes) {
    ids.push_back(*unknown_);
    return;
  }
  for (const char c : text) ids.push_back(*bytes_[static_cast<unsigned char>(c)]);
}

}  // namespace ditmill::models
