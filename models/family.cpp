#include "models/family.h"

#include "configs/list_text.h"

namespace ditmill::models {

const Family& family_named(std::string_view name) {
  std::string names;
  for (const Family* family : families()) {
    if (family->name() == name) return *family;
    extend_list(names, family->name());
  }
  throw Error{Category::unsupported,
              "find the model's family",
              {},
              Expected{"one of: " + names},
              Got{printable(name, 80)}};
}

}  // namespace ditmill::models
