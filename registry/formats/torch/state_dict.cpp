#include "registry/formats/torch/state_dict.h"

#include <algorithm>
#include <memory_resource>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "configs/utf8.h"
#include "registry/formats/torch/pickle_tensor.h"
#include "registry/formats/torch/state_dict_hash.h"

namespace ditmill::registry {
namespace {

constexpr unsigned deepest = 200;
// A key and a value that nothing shares take over two bytes of a pickle, so only sharing can exceed these.
constexpr std::uint64_t most_items = 1'000'000;
constexpr std::uint64_t spare_items = 1'000;
constexpr std::uint64_t spare_text = 1 << 20;
constexpr std::uint64_t items_a_byte = 8;
constexpr std::uint64_t text_a_byte = 64;
constexpr std::size_t most_others = 32;
constexpr std::size_t shown_name = 80;
// What an allocation costs beyond its bytes.
constexpr std::uint64_t allocation = 32;

/// What is wrong with a key as a part of a tensor's name; empty: nothing.
std::string problem_of(const PickleObject& object, PickleValue key) {
  if (key.kind == PickleKind::integer) return object.integer(key) ? "" : "a number of more than 64 bits";
  if (key.kind != PickleKind::text) return object.described(key) + " as a key";
  const std::string_view text = object.text(key);
  if (text.empty()) return "an empty one";
  if (utf8::find_invalid(text) != std::string_view::npos)
    return "'" + printable(text) + "', which is not UTF-8";
  for (std::size_t at = 0; at < text.size();) {
    const utf8::Decoded next = utf8::decode(text.substr(at));
    if (next.code_point < 0x20 || (next.code_point >= 0x7f && next.code_point <= 0x9f)) {
      return "'" + printable(text) + "', with control characters";
    }
    at += next.length;
  }
  return {};
}

class StateDictReader {
 public:
  StateDictReader(const PickleObject& object, const StorageBegin& storage_begin, BoundedMemory& memory)
      : object_(object), storage_begin_(storage_begin), memory_(memory), visits_(object) {}

  PthHeader read() {
    const PickleValue root = object_.root();
    if (root.kind != PickleKind::dictionary) {
      object_.fail(0, "a dictionary of tensors", object_.described(root), "save the model's state_dict()");
    }
    header_.key_hash = state_dict_hash(object_, true, memory_);
    header_.key_hash_names = state_dict_hash(object_, false, memory_);
    const std::size_t count = count_tensors(root, 1);
    memory_.charge(count * sizeof(TensorInfo));
    header_.tensors.reserve(count);
    walk(root, 1);
    if (unlisted_ > 0) header_.others.push_back("and " + std::to_string(unlisted_) + " more");
    order();
    return std::move(header_);
  }

 private:
  std::size_t count_tensors(PickleValue dictionary, unsigned depth) {
    std::size_t count = 0;
    PickleObject::Cursor cursor = object_.elements(dictionary);
    while (const std::optional<PickleValue> key = cursor.next()) {
      const PickleValue value = *cursor.next();
      visits_.count(*key, depth);
      if (value.kind == PickleKind::tensor) ++count;
      if (value.kind == PickleKind::dictionary) count += count_tensors(value, depth + 1);
    }
    return count;
  }

  void walk(PickleValue dictionary, unsigned depth) {
    refuse_repeated_keys(dictionary);
    PickleObject::Cursor cursor = object_.elements(dictionary);
    while (const std::optional<PickleValue> key = cursor.next()) {
      const PickleValue value = *cursor.next();
      const std::size_t path_bytes = path_.size();
      const std::string problem_before = problem_;
      append(*key);
      const std::size_t outer = path_bytes == 0 ? 0 : path_bytes + 1;
      if (value.kind == PickleKind::tensor) {
        add_tensor(*key, value, outer);
        header_.nested = header_.nested || depth > 1;
      } else if (value.kind == PickleKind::dictionary) {
        walk_nested(value, depth);
      } else {
        list(object_.described(value));
      }
      path_.resize(path_bytes);
      problem_ = problem_before;
    }
  }

  /// A dictionary that holds no tensor is listed as one thing.
  void walk_nested(PickleValue dictionary, unsigned depth) {
    const std::size_t tensors = header_.tensors.size();
    const std::size_t others = header_.others.size();
    const std::uint64_t unlisted = unlisted_;
    walk(dictionary, depth + 1);
    if (header_.tensors.size() > tensors) return;
    header_.others.resize(others);
    unlisted_ = unlisted;
    list(object_.size(dictionary) == 0 ? "an empty dictionary" : "a dictionary without tensors");
  }

  /// Adds a key to the path, and notes why it could not be in a tensor's name.
  void append(PickleValue key) {
    if (!path_.empty() || !problem_.empty()) path_ += '.';
    if (key.kind == PickleKind::text) {
      // The path doubles when it grows.
      memory_.charge(2 * object_.text(key).size());
      path_ += object_.text(key);
      memory_.release(2 * object_.text(key).size());
    } else if (const std::optional<std::int64_t> number = object_.integer(key)) {
      path_ += std::to_string(*number);
    } else {
      path_ += "(" + object_.described(key) + ")";
    }
    if (problem_.empty()) problem_ = problem_of(object_, key);
  }

  void list(const std::string& what) {
    if (header_.others.size() == most_others) {
      ++unlisted_;
      return;
    }
    header_.others.push_back(printable(path_, shown_name) + ": " + what);
  }

  void add_tensor(PickleValue key, PickleValue value, std::size_t outer_bytes) {
    if (!problem_.empty())
      object_.fail(key.at, "a tensor's name of text without control characters", problem_);
    const PickledTensor decoded = decode_tensor(object_, value, key.at);
    const std::size_t rank = object_.size(decoded.sizes);
    memory_.charge((path_.size() > 15 ? path_.size() + 1 + allocation : 0) + 8 * rank + allocation +
                   (decoded.contiguous ? 0 : 8 * rank + allocation));
    const std::uint64_t storage = storage_begin_(decoded.storage.key);
    header_.tensors.push_back({.name = path_,
                               .type = decoded.type,
                               .outer_bytes = static_cast<std::uint32_t>(outer_bytes),
                               .shape = decode_sizes(object_, decoded.sizes),
                               .begin = storage + decoded.begin,
                               .end = storage + decoded.end,
                               .strides = decoded.contiguous ? std::vector<std::uint64_t>{}
                                                             : decode_sizes(object_, decoded.strides)});
  }

  /// A second value would hide the first one.
  void refuse_repeated_keys(PickleValue dictionary) {
    std::pmr::vector<PickleValue> keys{&memory_};
    keys.reserve(object_.size(dictionary));
    PickleObject::Cursor cursor = object_.elements(dictionary);
    while (const std::optional<PickleValue> key = cursor.next()) {
      cursor.next();
      if (key->kind == PickleKind::text || object_.integer(*key)) keys.push_back(*key);
    }
    const auto meaning = [this](PickleValue key) {
      const bool is_text = key.kind == PickleKind::text;
      return std::tuple{is_text, is_text ? object_.text(key) : std::string_view{},
                        is_text ? 0 : *object_.integer(key), key.at};
    };
    std::ranges::sort(keys, {}, meaning);
    const auto twice = std::ranges::adjacent_find(keys, [&](PickleValue a, PickleValue b) {
      return std::get<0>(meaning(a)) == std::get<0>(meaning(b)) &&
             std::get<1>(meaning(a)) == std::get<1>(meaning(b)) &&
             std::get<2>(meaning(a)) == std::get<2>(meaning(b));
    });
    if (twice == keys.end()) return;
    const PickleValue second = *(twice + 1);
    object_.fail(second.at, "every key of a dictionary once",
                 "'" +
                     (second.kind == PickleKind::text ? printable(object_.text(second))
                                                      : std::to_string(*object_.integer(second))) +
                     "' twice");
  }

  void order() {
    std::vector<TensorInfo>& tensors = header_.tensors;
    std::ranges::sort(tensors, {}, &TensorInfo::name);
    const auto twice = std::ranges::adjacent_find(tensors, {}, &TensorInfo::name);
    if (twice != tensors.end()) {
      object_.fail(0, "every tensor's path once", "'" + printable(twice->name) + "' twice");
    }
    std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
  }

  const PickleObject& object_;
  const StorageBegin& storage_begin_;
  BoundedMemory& memory_;
  VisitLimit visits_;
  PthHeader header_;
  std::string path_;
  std::string problem_;  // of the path as a name
  std::uint64_t unlisted_ = 0;
};

}  // namespace

void VisitLimit::count(PickleValue key, unsigned depth) {
  if (depth > deepest) {
    object_.fail(key.at, "dictionaries nested to " + std::to_string(deepest), "a deeper one");
  }
  const std::uint64_t bytes = object_.input().bytes.size();
  const std::uint64_t most_here = std::min(most_items, spare_items + items_a_byte * bytes);
  if (++items_ > most_here) {
    object_.fail(key.at, "at most " + std::to_string(most_here) + " items in all dictionaries", "more");
  }
  if (key.kind != PickleKind::text) return;
  text_bytes_ += object_.text(key).size();
  const std::uint64_t most = spare_text + text_a_byte * bytes;
  if (text_bytes_ > most) {
    object_.fail(key.at, "at most " + std::to_string(most) + " bytes of keys on all paths", "more");
  }
}

PthHeader read_state_dict(const PickleObject& object, const StorageBegin& storage_begin,
                          BoundedMemory& memory) {
  return StateDictReader{object, storage_begin, memory}.read();
}

}  // namespace ditmill::registry
