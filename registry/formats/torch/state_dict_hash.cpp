#include "registry/formats/torch/state_dict_hash.h"

#include <list>
#include <memory_resource>
#include <vector>

#include "registry/digest.h"
#include "registry/formats/torch/state_dict.h"
#include "registry/key_hash.h"

namespace ditmill::registry {
namespace {

/// What is hashed of one dictionary: its keys, and the texts of those that hold dictionaries.
class Keys {
 public:
  Keys(const PickleObject& object, bool with_shapes, BoundedMemory& memory, VisitLimit& visits)
      : object_(object),
        with_shapes_(with_shapes),
        memory_(memory),
        visits_(visits),
        entries_(&memory),
        sizes_(&memory),
        texts_(&memory) {}

  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;
  ~Keys() { memory_.release(charged_); }

  void collect(PickleValue dictionary, unsigned depth) {
    reserve(dictionary);
    PickleObject::Cursor cursor = object_.elements(dictionary);
    while (const std::optional<PickleValue> key = cursor.next()) {
      const PickleValue value = *cursor.next();
      visits_.count(*key, depth);
      if (key->kind == PickleKind::text) {
        add(*key, value);
      } else if (value.kind == PickleKind::dictionary) {
        add_nested(*key, value, depth);
      }
    }
  }

  std::string hash() const {
    return with_temporaries([this] { return with_shapes_ ? key_hash(entries_) : key_hash_names(entries_); });
  }
  std::string text() const {
    return with_temporaries([this] { return key_hash_text(entries_, with_shapes_); });
  }

 private:
  /// Makes room once: views into the vectors stay.
  void reserve(PickleValue dictionary) {
    std::size_t sizes = 0;
    PickleObject::Cursor cursor = object_.elements(dictionary);
    while (cursor.next()) {
      const PickleValue value = *cursor.next();
      if (with_shapes_ && value.kind == PickleKind::tensor)
        sizes += object_.size({PickleKind::tuple, 0, object_.element(value, 2).at});
    }
    entries_.reserve(object_.size(dictionary));
    sizes_.reserve(sizes);
  }

  void add(PickleValue key, PickleValue value) {
    const bool is_tensor = value.kind == PickleKind::tensor;
    const std::size_t first = sizes_.size();
    if (is_tensor && with_shapes_) {
      const PickleValue tuple = object_.element(value, 2);
      for (std::size_t i = 0; i < object_.size(tuple); ++i) {
        sizes_.push_back(static_cast<std::uint64_t>(object_.integer(object_.element(tuple, i)).value_or(0)));
      }
    }
    entries_.push_back({object_.text(key), std::span{sizes_}.subspan(first), is_tensor});
  }

  void add_nested(PickleValue key, PickleValue dictionary, unsigned depth) {
    const std::optional<std::int64_t> number = object_.integer(key);
    if (!number) {
      object_.fail(key.at, "dictionaries under keys that are strings or whole numbers",
                   object_.described(key));
    }
    Keys inner{object_, with_shapes_, memory_, visits_};
    inner.collect(dictionary, depth + 1);
    const std::uint64_t bytes = inner.text_bytes() + 32;
    memory_.charge(bytes);
    charged_ += bytes;
    entries_.push_back({texts_.emplace_back(std::to_string(*number) + "|" + inner.text()), {}, false});
  }

  /// Of the text, at most.
  std::uint64_t text_bytes() const {
    std::uint64_t bytes = 0;
    for (const NamedShape& entry : entries_) bytes += 2 * (entry.name.size() + 2) + 21 * entry.shape.size();
    // A string grows by doubling, and is copied once.
    return 3 * bytes;
  }

  /// Runs a call that sorts two words of 8 bytes an entry.
  template <typename Call>
  std::string with_temporaries(const Call& call) const {
    const std::uint64_t bytes = 16 * entries_.size();
    memory_.charge(bytes);
    std::string result = call();
    memory_.release(bytes);
    return result;
  }

  const PickleObject& object_;
  bool with_shapes_;
  BoundedMemory& memory_;
  VisitLimit& visits_;
  std::pmr::vector<NamedShape> entries_;
  std::pmr::vector<std::uint64_t> sizes_;
  std::pmr::list<std::string> texts_;
  std::uint64_t charged_ = 0;  // for the bytes of texts_
};

}  // namespace

std::string state_dict_hash(const PickleObject& object, bool with_shapes, BoundedMemory& memory) {
  VisitLimit visits{object};
  Keys keys{object, with_shapes, memory, visits};
  keys.collect(object.root(), 1);
  return keys.hash();
}

}  // namespace ditmill::registry
