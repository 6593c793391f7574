#include "jobs/cli/weights_convert.h"

#include "jobs/cli/json_text.h"
#include "registry/identity/catalog.h"
#include "registry/tools/convert.h"

namespace ditmill::jobs::cli {

int weights_convert(const WeightsConvertOptions& options, std::ostream& out, std::ostream& log) {
  const registry::ConvertRequest request{.source = options.source,
                                         .out = options.out,
                                         .to = options.to,
                                         .dtype = registry::element_type_named(options.dtype)};
  const registry::Conversion conversion =
      registry::convert_weights(request, registry::Catalog::known(options.catalog));
  say_warnings(conversion.warnings, log);
  out << (options.json ? json_text(to_json(conversion)) : conversion_text(conversion));
  return 0;
}

}  // namespace ditmill::jobs::cli
