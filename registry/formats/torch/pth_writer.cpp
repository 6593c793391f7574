#include "registry/formats/torch/pth_writer.h"

#include <fmt/format.h>

#include <string_view>

#include "configs/error.h"
#include "registry/formats/torch/pickle_globals.h"
#include "registry/formats/torch/zip_writer.h"

namespace ditmill::registry {
namespace {

constexpr std::string_view empty_ordered_dict = "ccollections\nOrderedDict\n)R";  // pushed and called

/// A pickle of protocol 2, without a memo: what is used twice is written twice.
class PickleWriter {
 public:
  explicit PickleWriter(std::span<const NewTensor> tensors) {
    text_ = "\x80\x02";
    text_ += empty_ordered_dict;
    text_ += '(';  // the items, from here
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      word(tensors[i].name);
      tensor(tensors[i], std::to_string(i));
    }
    text_ += "u.";
  }

  const std::string& text() const noexcept { return text_; }

 private:
  void word(std::string_view word) {
    text_ += 'X';
    bytes(word.size(), 4);
    text_ += word;
  }

  void bytes(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) text_ += static_cast<char>(value >> (8 * i));
  }

  /// BININT1, or LONG1 of eight bytes: sizes are below 2^61.
  void number(std::uint64_t value) {
    if (value <= 0xff) {
      text_ += 'K';
      bytes(value, 1);
    } else {
      text_ += "\x8a\x08";
      bytes(value, 8);
    }
  }

  void numbers(std::span<const std::uint64_t> values) {
    text_ += '(';
    for (const std::uint64_t value : values) number(value);
    text_ += 't';
  }

  /// _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)
  void tensor(const NewTensor& tensor, std::string_view key) {
    std::vector<std::uint64_t> strides(tensor.shape.size());
    std::uint64_t elements = 1;
    for (std::size_t i = strides.size(); i-- > 0;) {
      strides[i] = elements;
      elements *= tensor.shape[i];
    }
    text_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
    word("storage");
    text_ += fmt::format("ctorch\n{}\n", storage_class(tensor.type));
    word(key);
    word("cpu");
    number(elements);
    text_ += "tQ";  // the storage, by this tuple
    number(0);
    numbers(tensor.shape);
    numbers(strides);
    text_ += '\x89';
    text_ += empty_ordered_dict;
    text_ += "tR";
  }

  std::string text_;
};

}  // namespace

void write_pth(const std::string& path, std::span<const NewTensor> tensors, const TensorBytes& give) {
  for (const NewTensor& tensor : tensors) {
    if (!storage_class(tensor.type).empty()) continue;
    throw Error{Category::unsupported,
                "write a checkpoint of torch",
                Where{.file = path, .tensor = printable(tensor.name)},
                Expected{"an element type with storages of its own in torch"},
                Got{std::string{name(tensor.type)}},
                "write a safetensors file, or cast"};
  }
  NewFile file{path};
  ZipWriter archive{file};
  archive.add("archive/data.pkl", PickleWriter{tensors}.text());
  archive.add("archive/byteorder", "little");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    archive.begin(fmt::format("archive/data/{}", i), bytes_of(tensors[i]));
    fill(tensors[i], i, give, archive, file);
  }
  archive.add("archive/version", "3\n");
  archive.finish();
  file.publish();
}

}  // namespace ditmill::registry
