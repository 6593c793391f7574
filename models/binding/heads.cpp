#include "models/binding/heads.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "configs/error.h"

namespace ditmill::models {
namespace {

[[noreturn]] void refuse_heads(const ComponentReader& reader, const std::string& field,
                               const std::string& expected, std::int64_t got) {
  throw Error{
      Category::bad_input,      reader.doing(),
      reader.at_field(field),   Expected{expected},
      Got{std::to_string(got)}, "the config.json may belong to other weights: fetch the component again"};
}

}  // namespace

std::int64_t bind_heads(const ComponentReader& reader, std::int64_t width, std::int64_t usual) {
  const std::optional<std::int64_t> of_a_head = reader.integer("attention_head_dim");
  std::int64_t heads = of_a_head ? width / *of_a_head : 0;  // 0: not said yet
  const std::string divisor = "a divisor of " + std::to_string(width) + ", the weights' width";
  if (of_a_head && width % *of_a_head != 0) refuse_heads(reader, "attention_head_dim", divisor, *of_a_head);
  for (const char* field : {"num_heads", "num_attention_heads"}) {
    const std::optional<std::int64_t> value = reader.integer(field);
    if (!value) continue;
    if (width % *value != 0) refuse_heads(reader, field, divisor, *value);
    if (heads != 0 && heads != *value) {
      refuse_heads(reader, field,
                   std::to_string(heads) + ", as the other fields and the weights' width of " +
                       std::to_string(width) + " say",
                   *value);
    }
    heads = *value;
  }
  if (heads != 0) return heads;

  const registry::Component& component = reader.component();
  const auto entry = component.identity.hyper_parameters.find("heads");
  if (entry != component.identity.hyper_parameters.end() && !entry->is_null()) {
    if (!entry->is_number_integer() || *entry < 1 || *entry > width ||
        width % entry->get<std::int64_t>() != 0) {
      throw Error{Category::bad_input, reader.doing(),
                  Where{.file = component.label, .key = "hyper_parameters.heads"}, Expected{divisor},
                  Got{printable(entry->dump()) + " in the catalog entry " + component.identity.variant}};
    }
    return entry->get<std::int64_t>();
  }
  if (width % usual == 0) return width / usual;
  throw Error{
      Category::bad_input,
      reader.doing(),
      Where{.file = component.label},
      Expected{"the number of attention heads: num_attention_heads and attention_head_dim in config.json, "
               "hyper_parameters.heads in the catalog entry, or a width that is a multiple of " +
               std::to_string(usual)},
      Got{"none of the three; the width is " + std::to_string(width)},
      "put the component's config.json beside its weights, or add heads to your catalog entry"};
}

}  // namespace ditmill::models
