#include "registry/formats/torch/pth_archive.h"

#include <array>
#include <charconv>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/pickle.h"
#include "registry/formats/torch/pickle_tensor.h"
#include "registry/formats/torch/state_dict.h"
#include "registry/formats/torch/zip_directory.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t largest_pickle = 100'000'000;
constexpr const char* reading_archive = "read an archive of torch.save";

class Archive {
 public:
  explicit Archive(const ByteSource& source) : source_(source), directory_(source) { find_folder(); }

  PthHeader read() {
    refuse_torchscript();
    const ZipMember& pickle = find_pickle();
    check_version();
    check_byte_order();
    if (pickle.size > largest_pickle) {
      bad(pickle.begin, "data.pkl", "at most " + std::to_string(largest_pickle) + " bytes",
          std::to_string(pickle.size));
    }
    const std::uint64_t header_bytes = directory_.header_bytes() + pickle.size;
    BoundedMemory memory{source_.label(), reading_archive, header_bytes};
    // The directory's text, its members, and names that are views.
    memory.charge(3 * directory_.header_bytes() + pickle.size);
    std::vector<std::byte> bytes(pickle.size);
    source_.read_at(pickle.begin, bytes);
    const PickleObject object = read_pickle(
        {.bytes = bytes, .file = source_.label(), .base = pickle.begin, .storage_id_values = 5}, memory);
    check_storages(object);
    PthHeader header = read_state_dict(
        object, [this](std::string_view key) { return storage(key)->begin; }, memory);
    header.header_bytes = header_bytes;
    return header;
  }

 private:
  [[noreturn]] void bad(std::uint64_t offset, std::string_view member, std::string expected, std::string got,
                        std::string hint = {}) const {
    throw Error{Category::bad_input,
                reading_archive,
                Where{.file = source_.label(), .offset = offset},
                Expected{std::move(expected) + " (member '" + printable(member, 80) + "')"},
                Got{std::move(got)},
                std::move(hint)};
  }

  /// Every member lies in one folder, as torch.save makes it; its name is free.
  void find_folder() {
    for (const ZipMember& member : directory_.members()) {
      const std::size_t slash = member.name.find('/');
      if (slash == std::string_view::npos)
        bad(member.begin, member.name, "members in one folder", "one beside it");
      const std::string_view folder = member.name.substr(0, slash + 1);
      if (folder_.empty()) folder_ = folder;
      if (folder != folder_) {
        bad(member.begin, member.name, "members in one folder, '" + printable(folder_, 80) + "'",
            "another folder");
      }
    }
  }

  std::string_view inside(const ZipMember& member) const { return member.name.substr(folder_.size()); }
  const ZipMember* find(std::string_view name) const {
    return directory_.find(std::string{folder_}.append(name));
  }
  const ZipMember* storage(std::string_view key) const { return find(std::string{"data/"}.append(key)); }

  void refuse_torchscript() const {
    for (const ZipMember& member : directory_.members()) {
      if (inside(member) == "constants.pkl" || inside(member).starts_with("code/")) {
        bad(member.begin, member.name, "an archive of torch.save",
            "one of TorchScript (torch.jit.save), which is a program",
            "save the model's state_dict with torch.save");
      }
    }
  }

  const ZipMember& find_pickle() const {
    for (const ZipMember& member : directory_.members()) {
      if (inside(member) != "data.pkl" && inside(member).ends_with("/data.pkl")) {
        bad(member.begin, member.name, "one data.pkl, right in the archive's folder", "one below it");
      }
    }
    const ZipMember* member = find("data.pkl");
    if (member == nullptr) {
      throw Error{Category::bad_input,
                  reading_archive,
                  Where{.file = source_.label(), .offset = source_.size()},
                  Expected{"a member data.pkl in the archive's folder"},
                  Got{"none among " + std::to_string(directory_.members().size()) + " members"},
                  "it looks like a zip archive of something else than torch.save"};
    }
    return *member;
  }

  /// The text of a small member, a line feed at its end left out.
  std::string short_text(const ZipMember& member) const {
    std::array<char, 24> text{};
    const std::size_t count = std::min<std::uint64_t>(text.size(), member.size);
    source_.read_at(member.begin, std::as_writable_bytes(std::span{text}.first(count)));
    return {text.data(), count > 0 && text[count - 1] == '\n' ? count - 1 : count};
  }

  void check_version() const {
    const ZipMember* member = find(".data/version");
    if (member == nullptr) member = find("version");
    if (member == nullptr) {
      throw Error{Category::bad_input, reading_archive,
                  Where{.file = source_.label(), .offset = source_.size()},
                  Expected{"a member 'version' in the archive's folder"}, Got{"none"}};
    }
    const std::string text = short_text(*member);
    int version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc{} || end != text.data() + text.size() || version < 1 || version > 10) {
      bad(member->begin, member->name, "a version of the format from 1 to 10", "'" + printable(text) + "'");
    }
  }

  void check_byte_order() const {
    const ZipMember* member = find("byteorder");
    if (member == nullptr) return;
    const std::string text = short_text(*member);
    if (text != "little") bad(member->begin, member->name, "'little'", "'" + printable(text) + "'");
  }

  void check_storages(const PickleObject& object) const {
    for (const PickleValue value : object.storages()) {
      const PickledStorage described = decode_storage(object, value, 0);
      const ZipMember* member = storage(described.key);
      if (member == nullptr) {
        throw Error{Category::bad_input,
                    reading_archive,
                    Where{.file = source_.label(), .offset = source_.size()},
                    Expected{"a member data/" + printable(described.key, 80) + ", the storage of a tensor"},
                    Got{"none"},
                    "the file is not whole: fetch it again"};
      }
      if (member->size != described.bytes) {
        bad(member->begin, member->name,
            std::to_string(described.bytes) + " bytes for " + std::to_string(described.elements) +
                " elements of " + std::string{name(described.type)},
            std::to_string(member->size));
      }
    }
  }

  const ByteSource& source_;
  ZipDirectory directory_;
  std::string_view folder_;  // with its slash
};

}  // namespace

PthHeader read_pth_archive(const ByteSource& source) { return Archive{source}.read(); }

}  // namespace ditmill::registry
