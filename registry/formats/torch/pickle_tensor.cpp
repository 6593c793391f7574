#include "registry/formats/torch/pickle_tensor.h"

#include <algorithm>
#include <string>
#include <utility>

#include "configs/error.h"
#include "registry/checked.h"

namespace ditmill::registry {
namespace {

// torch numbers its storages; a longer key would only cost time wherever it is looked up.
constexpr std::size_t longest_key = 255;

std::uint64_t item_bytes(ElementType type) { return static_cast<std::uint64_t>(bits(type)) / 8; }

/// Reads the arguments of one storage or tensor; what it refuses is at one place of the pickle.
class Arguments {
 public:
  Arguments(const PickleObject& object, PickleValue made, std::uint64_t at)
      : object_(object), made_(made), at_(at) {}

  std::size_t count() const { return object_.size({PickleKind::tuple, 0, made_.at}); }
  PickleValue operator[](std::size_t index) const { return object_.element(made_, index); }

  [[noreturn]] void bad(std::string expected, std::string got, std::string hint = {}) const {
    object_.fail(at_, std::move(expected), std::move(got), std::move(hint));
  }

  PickleValue of_kind(std::size_t index, PickleKind kind, const std::string& what) const {
    const PickleValue value = (*this)[index];
    if (value.kind != kind) bad(what, object_.described(value));
    return value;
  }

  std::uint64_t natural(PickleValue value, const std::string& what) const {
    const std::optional<std::int64_t> number = object_.integer(value);
    if (!number || *number < 0) {
      bad(what + " as a whole number from 0 to 2^63-1", number ? std::to_string(*number)
                                                        : value.kind == PickleKind::integer
                                                            ? "a larger one"
                                                            : object_.described(value));
    }
    return static_cast<std::uint64_t>(*number);
  }

  std::uint64_t product(std::uint64_t a, std::uint64_t b, const std::string& what) const {
    const std::optional<std::uint64_t> result = checked_multiply(a, b);
    if (!result) bad(what + " under 2^64", std::to_string(a) + " x " + std::to_string(b));
    return *result;
  }

  std::uint64_t sum(std::uint64_t a, std::uint64_t b, const std::string& what) const {
    const std::optional<std::uint64_t> result = checked_add(a, b);
    if (!result) bad(what + " under 2^64", std::to_string(a) + " + " + std::to_string(b));
    return *result;
  }

 private:
  const PickleObject& object_;
  PickleValue made_;
  std::uint64_t at_;
};

/// The part of a storage that an id of an old stream means: (key of the view, offset, size).
void decode_view(const PickleObject& object, const Arguments& id, PickleValue view, PickledStorage& storage) {
  if (view.kind == PickleKind::none) return;
  if (view.kind != PickleKind::tuple || object.size(view) != 3) {
    id.bad("a view of a storage as None or a tuple of 3", object.described(view));
  }
  const std::uint64_t item = item_bytes(storage.type);
  const std::uint64_t first = id.natural(object.element(view, 1), "the offset of a storage's view");
  const std::uint64_t count = id.natural(object.element(view, 2), "the size of a storage's view");
  if (id.sum(first, count, "the end of a storage's view") > storage.elements) {
    id.bad("a view within the storage's " + std::to_string(storage.elements) + " elements",
           std::to_string(count) + " from " + std::to_string(first));
  }
  storage.view_begin = first * item;
  storage.view_bytes = count * item;
}

std::size_t sizes_count(const PickleObject& object, const Arguments& arguments, std::size_t index,
                        const std::string& what) {
  return object.size(arguments.of_kind(index, PickleKind::tuple, what + " as a tuple"));
}

/// requires_grad, hooks, metadata: nothing that would change a value.
void check_rest(const PickleObject& object, const Arguments& arguments, std::size_t metadata) {
  arguments.of_kind(4, PickleKind::boolean, "requires_grad as a boolean");
  const PickleValue hooks = arguments[5];
  if (hooks.kind != PickleKind::none && hooks.kind != PickleKind::dictionary) {
    arguments.bad("a tensor's hooks as a dictionary", object.described(hooks));
  }
  if (arguments.count() <= metadata || arguments[metadata].kind == PickleKind::none) return;
  PickleObject::Cursor items = object.elements(
      arguments.of_kind(metadata, PickleKind::dictionary, "a tensor's metadata as a dictionary"));
  while (const std::optional<PickleValue> key = items.next()) {
    const PickleValue value = *items.next();
    if (value.kind == PickleKind::boolean && value.detail == 0) continue;
    const std::string mark =
        key->kind == PickleKind::text ? printable(object.text(*key), 40) : object.described(*key);
    arguments.bad("a tensor whose bytes are its values", "one that is marked '" + mark + "'",
                  mark == "conj" || mark == "neg" ? "save tensor.resolve_" + mark + "() in its place" : "");
  }
}

/// The bytes from a tensor's first element to behind its last; decides whether it is contiguous.
void decode_extent(const PickleObject& object, const Arguments& arguments, PickledTensor& tensor) {
  const std::size_t rank = sizes_count(object, arguments, 2, "a tensor's size");
  if (sizes_count(object, arguments, 3, "a tensor's stride") != rank) {
    arguments.bad("a stride for each of " + std::to_string(rank) + " dimensions",
                  std::to_string(object.size(tensor.strides)));
  }
  std::uint64_t all_bits = static_cast<std::uint64_t>(bits(tensor.type));
  std::uint64_t last = 0;
  std::uint64_t dense = 1;
  bool empty = false;
  for (std::size_t i = rank; i-- > 0;) {
    const std::uint64_t size = arguments.natural(object.element(tensor.sizes, i), "a dimension");
    const std::uint64_t stride = arguments.natural(object.element(tensor.strides, i), "a stride");
    // A dimension of 0 must not hide that the others wrap.
    all_bits = arguments.product(all_bits, std::max<std::uint64_t>(size, 1), "the bits of a tensor");
    empty = empty || size == 0;
    if (size > 1) {
      tensor.contiguous = tensor.contiguous && stride == dense;
      last =
          arguments.sum(last, arguments.product(size - 1, stride, "a tensor's extent"), "a tensor's extent");
      dense *= size;
    }
  }
  const std::uint64_t item = item_bytes(tensor.type);
  const std::uint64_t first = arguments.natural(arguments[1], "a tensor's offset");
  const std::uint64_t begin = arguments.product(first, item, "a tensor's offset in bytes");
  const PickledStorage& storage = tensor.storage;
  if (empty) {
    // Slices of nothing may begin anywhere; torch takes them, too.
    tensor.contiguous = true;
    tensor.begin = tensor.end = storage.view_begin + std::min(begin, storage.view_bytes);
    return;
  }
  const std::uint64_t behind =
      arguments.sum(arguments.sum(first, last, "a tensor's extent"), 1, "a tensor's extent");
  const std::uint64_t end = arguments.product(behind, item, "a tensor's extent in bytes");
  if (end > storage.view_bytes) {
    arguments.bad("a tensor within the " + std::to_string(storage.view_bytes) + " bytes of storage '" +
                      printable(storage.key, 40) + "'",
                  "one from byte " + std::to_string(begin) + " to " + std::to_string(end));
  }
  tensor.begin = storage.view_begin + begin;
  tensor.end = storage.view_begin + end;
}

}  // namespace

PickledStorage decode_storage(const PickleObject& object, PickleValue value, std::uint64_t at) {
  const Arguments id{object, value, at};
  const std::size_t wanted = object.input().storage_id_values;
  if (id.count() != wanted || wanted == 0) {
    id.bad(wanted == 0 ? "no persistent ids" : "a storage's id of " + std::to_string(wanted) + " values",
           "one of " + std::to_string(id.count()));
  }
  if (id[0].kind != PickleKind::text || object.text(id[0]) != "storage") {
    id.bad("the persistent id of a storage", id[0].kind == PickleKind::text
                                                 ? "'" + printable(object.text(id[0]), 40) + "'"
                                                 : object.described(id[0]));
  }
  const PickleGlobal type = object.global(id.of_kind(1, PickleKind::global, "a storage's type"));
  if (type.kind != GlobalKind::storage_type) id.bad("a storage's type", object.described(id[1]));
  PickledStorage storage{.key = object.text(id.of_kind(2, PickleKind::text, "a storage's key as a string")),
                         .type = type.type};
  if (storage.key.empty() || storage.key.size() > longest_key) {
    id.bad("a storage's key of 1 to 255 bytes", std::to_string(storage.key.size()));
  }
  id.of_kind(3, PickleKind::text, "a storage's location as a string");
  storage.elements = id.natural(id[4], "the size of a storage");
  storage.bytes = id.product(storage.elements, item_bytes(type.type), "the bytes of a storage");
  storage.view_bytes = storage.bytes;
  if (wanted > 5) decode_view(object, id, id[5], storage);
  return storage;
}

PickledTensor decode_tensor(const PickleObject& object, PickleValue value, std::uint64_t at) {
  const Arguments arguments{object, value, at};
  const auto how = static_cast<GlobalKind>(value.detail);
  const std::size_t count = arguments.count();
  const std::size_t least = how == GlobalKind::rebuild_tensor      ? 4
                            : how == GlobalKind::rebuild_tensor_v2 ? 6
                                                                   : 7;
  const std::size_t most = how == GlobalKind::rebuild_tensor ? 4 : least + 1;
  if (count < least || count > most) {
    arguments.bad("a tensor of " + std::to_string(least) +
                      (most > least ? " or " + std::to_string(most) : "") + " arguments",
                  std::to_string(count));
  }
  const PickleValue stored = arguments.of_kind(0, PickleKind::storage, "a tensor of a storage");
  PickledTensor tensor{
      .storage = decode_storage(object, stored, at), .sizes = arguments[2], .strides = arguments[3]};
  tensor.type = tensor.storage.type;
  if (how != GlobalKind::rebuild_tensor) check_rest(object, arguments, least);
  if (how == GlobalKind::rebuild_tensor_v3) {
    const PickleGlobal type = object.global(arguments.of_kind(6, PickleKind::global, "a tensor's dtype"));
    if (type.kind != GlobalKind::dtype) arguments.bad("a tensor's dtype", object.described(arguments[6]));
    tensor.type = type.type;
  }
  decode_extent(object, arguments, tensor);
  return tensor;
}

std::vector<std::uint64_t> decode_sizes(const PickleObject& object, PickleValue sizes) {
  std::vector<std::uint64_t> numbers(object.size(sizes));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<std::uint64_t>(object.integer(object.element(sizes, i)).value_or(0));
  }
  return numbers;
}

}  // namespace ditmill::registry
