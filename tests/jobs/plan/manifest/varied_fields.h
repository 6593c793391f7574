#pragma once

#include <string>

#include "configs/declared_fields.h"
#include "configs/list_text.h"

namespace ditmill::jobs::plan {

/// The fields that a matrix may vary, as messages list them; families' own are among them.
inline std::string varied_fields() {
  std::string names;
  for (const auto& fields : {configs::common_request_fields(), configs::family_request_fields()}) {
    for (const configs::Field& field : fields) {
      if (field.may_vary) extend_list(names, field.name);
    }
  }
  return names;
}

}  // namespace ditmill::jobs::plan
