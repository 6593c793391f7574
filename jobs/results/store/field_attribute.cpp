#include "jobs/results/store/field_attribute.h"

#include <type_traits>

namespace ditmill::jobs::results {

void add_field(h5::Attributes& attributes, const std::string& name, const configs::FieldValue& value) {
  std::visit(
      [&](const auto& held) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(held)>, configs::FileValue>) {
          attributes.emplace_back(name, held);
        }
      },
      value);
}

}  // namespace ditmill::jobs::results
