#include "tests/registry/key_lists.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace ditmill::tests {

Shapes key_list(const std::string& name) {
  std::ifstream file{std::string{DITMILL_TEST_DATA} + "/" + name + ".tsv"};
  if (!file) throw std::runtime_error("no key list " + name);
  Shapes shapes;
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    const std::string tensor = line.substr(0, tab);
    std::vector<std::uint64_t> shape;
    std::istringstream sizes{line.substr(tab + 1)};
    for (std::string size; std::getline(sizes, size, ',');) shape.push_back(std::stoull(size));
    const std::string range = "blocks.0-";
    if (!tensor.starts_with(range)) {
      shapes.emplace_back(tensor, shape);
      continue;
    }
    std::size_t digits = 0;
    const unsigned long last = std::stoul(tensor.substr(range.size()), &digits);
    for (unsigned long i = 0; i <= last; ++i) {
      shapes.emplace_back("blocks." + std::to_string(i) + tensor.substr(range.size() + digits), shape);
    }
  }
  return shapes;
}

}  // namespace ditmill::tests
