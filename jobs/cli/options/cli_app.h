#pragma once

// CLI11's header costs seconds: headers only name its type.
namespace CLI {  // NOLINT(readability-identifier-naming)
class App;
}  // namespace CLI
