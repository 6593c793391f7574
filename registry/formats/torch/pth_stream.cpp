#include "registry/formats/torch/pth_stream.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/little_endian.h"
#include "registry/formats/torch/pickle.h"
#include "registry/formats/torch/pickle_opcodes.h"
#include "registry/formats/torch/pickle_tensor.h"
#include "registry/formats/torch/state_dict.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t largest_stream_header = 100'000'000;
constexpr std::uint64_t first_read = 4096;
constexpr std::size_t pickles = 5;  // magic number, protocol, system, object, storage keys
constexpr std::int64_t protocol_version = 1001;
constexpr const char* reading_stream = "read a stream of torch.save";

[[noreturn]] void bad(const ByteSource& source, std::uint64_t offset, std::string expected, std::string got,
                      std::string hint = {}) {
  throw Error{
      Category::bad_input,           reading_stream,      Where{.file = source.label(), .offset = offset},
      Expected{std::move(expected)}, Got{std::move(got)}, std::move(hint)};
}

/// The bytes of a stream's pickles, and where each ends.
struct Pickles {
  std::vector<std::byte> bytes;
  std::array<std::uint64_t, pickles + 1> ends{};
  std::size_t whole = 0;  ///< how many ended
};

/// Reads on until all five have ended, twice as far each time.
Pickles read_pickles(const ByteSource& source) {
  Pickles found;
  const std::uint64_t most = std::min(source.size(), largest_stream_header);
  for (std::uint64_t size = std::min(most, first_read);; size = std::min(most, 2 * size)) {
    // The old bytes go first: two copies would be too much.
    found.bytes = {};
    found.bytes.resize(size);
    source.read_at(0, found.bytes);
    while (found.whole < pickles) {
      const std::optional<std::uint64_t> end = pickle_end(found.bytes, found.ends[found.whole]);
      if (!end) break;
      found.ends[++found.whole] = *end;
    }
    if (found.whole == pickles || size == most) return found;
  }
}

/// A storage of the stream: what the ids say, and where it is.
struct Stored {
  PickledStorage described;
  std::size_t order = 0;  ///< of its id in the object
  std::uint64_t begin = 0;
  bool placed = false;
};

class Stream {
 public:
  explicit Stream(const ByteSource& source) : source_(source), pickles_(read_pickles(source)) {}

  PthHeader read() {
    // What a cut-off pickle would need is not known: its bytes are the header as far as it goes.
    const std::uint64_t header_bytes =
        pickles_.whole == pickles ? pickles_.ends[pickles] : pickles_.bytes.size();
    BoundedMemory memory{source_.label(), reading_stream, header_bytes};
    memory.charge(pickles_.bytes.size());
    check_magic(memory);
    check_system(memory);
    const PickleObject object = run(3, 6, memory);
    collect(object, memory);
    place(memory);
    PthHeader header = read_state_dict(
        object, [this](std::string_view key) { return find(key)->begin; }, memory);
    header.header_bytes = header_bytes;
    return header;
  }

 private:
  std::span<const std::byte> span_of(std::size_t index) const {
    const std::span<const std::byte> all = pickles_.bytes;
    const std::uint64_t begin = pickles_.ends[index];
    return index < pickles_.whole ? all.subspan(begin, pickles_.ends[index + 1] - begin) : all.subspan(begin);
  }

  PickleObject run(std::size_t index, std::size_t storage_id_values, BoundedMemory& memory) const {
    static constexpr std::array<const char*, pickles> names{"the magic number", "the protocol version",
                                                            "the system's properties", "the object",
                                                            "the list of storage keys"};
    if (index > pickles_.whole || (index == pickles_.whole && span_of(index).empty())) {
      bad(source_, pickles_.ends[index], std::string{"a pickle of "} + names[index], "the end of the file",
          "the file is cut off: fetch it again");
    }
    return read_pickle({.bytes = span_of(index),
                        .file = source_.label(),
                        .base = pickles_.ends[index],
                        .storage_id_values = storage_id_values},
                       memory);
  }

  void check_magic(BoundedMemory& memory) const {
    constexpr std::array<unsigned char, 10> magic{0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    const PickleObject number = run(0, 0, memory);
    const bool same = number.root().kind == PickleKind::integer &&
                      std::ranges::equal(number.literal(number.root()), std::as_bytes(std::span{magic}));
    if (!same) {
      bad(source_, 0, "the magic number of torch.save", number.described(number.root()),
          "it looks like a pickle of something else: save the weights with torch.save");
    }
    const PickleObject version = run(1, 0, memory);
    if (version.integer(version.root()) != protocol_version) {
      bad(source_, pickles_.ends[1], "protocol 1001 of torch.save", version.described(version.root()));
    }
  }

  void check_system(BoundedMemory& memory) const {
    const PickleObject system = run(2, 0, memory);
    if (system.root().kind != PickleKind::dictionary) {
      bad(source_, pickles_.ends[2], "the system's properties as a dictionary",
          system.described(system.root()));
    }
    PickleObject::Cursor items = system.elements(system.root());
    std::string got = "no 'little_endian'";
    while (const std::optional<PickleValue> key = items.next()) {
      const PickleValue value = *items.next();
      if (key->kind != PickleKind::text || system.text(*key) != "little_endian") continue;
      got = value.kind != PickleKind::boolean ? system.described(value)
            : value.detail == 1               ? ""
                                              : "a big-endian one";
    }
    if (!got.empty()) bad(source_, pickles_.ends[2], "a little-endian system", got);
  }

  /// Notes every storage that the object uses, ordered by key.
  void collect(const PickleObject& object, BoundedMemory& memory) {
    memory.charge(object.storages().size() * sizeof(Stored));
    stored_.reserve(object.storages().size());
    for (const PickleValue value : object.storages()) {
      stored_.push_back({.described = decode_storage(object, value, 0), .order = stored_.size()});
    }
    // The first id of a key stays first: the stream counts its elements.
    std::ranges::sort(stored_, {}, [](const Stored& s) { return std::pair{s.described.key, s.order}; });
    const auto two_sizes = std::ranges::adjacent_find(stored_, [](const Stored& a, const Stored& b) {
      return a.described.key == b.described.key && a.described.bytes != b.described.bytes;
    });
    if (two_sizes != stored_.end()) {
      bad(source_, pickles_.ends[3], "one size of storage '" + printable(two_sizes->described.key, 80) + "'",
          std::to_string(two_sizes->described.bytes) + " and " +
              std::to_string((two_sizes + 1)->described.bytes) + " bytes");
    }
    const auto same = [](const Stored& a, const Stored& b) { return a.described.key == b.described.key; };
    stored_.erase(std::unique(stored_.begin(), stored_.end(), same), stored_.end());
  }

  Stored* find(std::string_view key) {
    const auto found =
        std::ranges::lower_bound(stored_, key, {}, [](const Stored& s) { return s.described.key; });
    return found != stored_.end() && found->described.key == key ? &*found : nullptr;
  }

  /// Steps over the storages in the order of the list of keys.
  void place(BoundedMemory& memory) {
    const std::uint64_t list_at = pickles_.ends[4];
    const PickleObject keys = run(4, 0, memory);
    if (keys.root().kind != PickleKind::list)
      bad(source_, list_at, "the storage keys as a list", keys.described(keys.root()));
    if (keys.size(keys.root()) != stored_.size()) {
      bad(source_, list_at, "the keys of the " + std::to_string(stored_.size()) + " storages used",
          std::to_string(keys.size(keys.root())) + " keys");
    }
    std::uint64_t at = pickles_.ends[pickles];
    PickleObject::Cursor list = keys.elements(keys.root());
    while (const std::optional<PickleValue> key = list.next()) {
      if (key->kind != PickleKind::text)
        bad(source_, list_at, "a storage key as a string", keys.described(*key));
      const std::string shown = "storage '" + printable(keys.text(*key), 80) + "'";
      Stored* stored = find(keys.text(*key));
      if (stored == nullptr) bad(source_, list_at, "keys of storages that are used", shown);
      if (stored->placed) bad(source_, list_at, "every key once", shown + " twice");
      at = place_one(*stored, shown, at);
    }
    if (at != source_.size()) {
      bad(source_, at, "the end of the file behind the last storage",
          std::to_string(source_.size() - at) + " bytes");
    }
  }

  std::uint64_t place_one(Stored& stored, const std::string& shown, std::uint64_t at) const {
    const PickledStorage& described = stored.described;
    std::array<std::byte, 8> raw{};
    const std::uint64_t left = source_.size() - at;
    if (left < raw.size() || left - raw.size() < described.bytes) {
      bad(source_, at, std::to_string(described.bytes) + " bytes of " + shown + " and 8 before them",
          std::to_string(left) + " to the end of the file", "the file is cut off: fetch it again");
    }
    source_.read_at(at, raw);
    const std::uint64_t count = little_endian(raw);
    if (count != described.elements) {
      bad(source_, at, "a count of " + std::to_string(described.elements) + " elements of " + shown,
          std::to_string(count));
    }
    stored.begin = at + raw.size();
    stored.placed = true;
    return stored.begin + described.bytes;
  }

  const ByteSource& source_;
  Pickles pickles_;
  std::vector<Stored> stored_;
};

}  // namespace

PthHeader read_pth_stream(const ByteSource& source) { return Stream{source}.read(); }

}  // namespace ditmill::registry
