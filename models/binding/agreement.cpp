#include "models/binding/agreement.h"

#include <string>

#include "configs/error.h"

namespace ditmill::models {

void require_agreement(std::string_view what, const char* component, std::int64_t component_says,
                       std::int64_t transformer_says) {
  if (component_says == transformer_says) return;
  throw Error{
      Category::bad_input,
      "fit the components together",
      Where{.key = component},
      Expected{std::string(what) + " " + std::to_string(transformer_says) + ", as the transformer has"},
      Got{std::to_string(component_says)},
      "the folder mixes components of different models"};
}

}  // namespace ditmill::models
