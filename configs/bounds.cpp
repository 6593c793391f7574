#include "configs/bounds.h"

#include <sstream>

namespace ditmill::configs {
namespace {

std::string text_of(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

}  // namespace

std::string expected_number(Bounds<int> bounds) {
  return expected_number(Bounds<std::int64_t>{bounds.least, bounds.most});
}

std::string expected_number(Bounds<std::int64_t> bounds) {
  return "a whole number from " + std::to_string(bounds.least) + " to " + std::to_string(bounds.most);
}

std::string expected_number(Bounds<double> bounds) {
  if (bounds.least == above_zero) return "a number above 0, at most " + text_of(bounds.most);
  return "a number from " + text_of(bounds.least) + " to " + text_of(bounds.most);
}

}  // namespace ditmill::configs
