#include "configs/error.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "configs/hex.h"
#include "configs/list_text.h"
#include "configs/utf8.h"

namespace ditmill {
namespace {

constexpr std::size_t max_problems_shown = 20;

struct Policy {
  Category category;
  std::string_view name;
  int exit;
  Scope scope;
};

constexpr std::array<Policy, 12> policies{{
    {Category::usage, "usage", 1, Scope::job},
    {Category::bad_input, "bad_input", 1, Scope::item},
    {Category::not_found, "not_found", 1, Scope::job},
    {Category::unknown_model, "unknown_model", 1, Scope::job},
    {Category::unsupported, "unsupported", 1, Scope::item},
    {Category::io, "io", 3, Scope::job},
    {Category::no_space, "no_space", 3, Scope::job},
    {Category::device, "device", 3, Scope::job},
    {Category::communication, "communication", 3, Scope::job},
    {Category::memory, "memory", 3, Scope::item_on_rank},
    {Category::numeric, "numeric", 3, Scope::item},
    {Category::internal, "internal", 3, Scope::item_on_rank},
}};

const Policy& policy_of(Category category) noexcept {
  for (const Policy& policy : policies) {
    if (policy.category == category) return policy;
  }
  return policies.back();
}

std::string message_of(const Error& error) {
  std::string text = error.doing();
  const Where& where = error.where();
  std::string details;
  const auto detail = [&details](const std::string& part) { extend_list(details, part); };
  if (const std::string place = where.place(); !place.empty()) detail(place);
  if (where.offset) detail("byte " + std::to_string(*where.offset));
  if (!where.key.empty()) detail(where.key);
  if (!where.tensor.empty()) detail("tensor " + printable(where.tensor));
  if (!where.item.empty()) detail("item " + where.item);
  if (where.rank >= 0) detail("rank " + std::to_string(where.rank));
  if (!details.empty()) text += " (" + details + ")";
  if (!error.expected().empty()) text += ": expected " + error.expected();
  if (!error.got().empty()) text += (error.expected().empty() ? ": " : ", got ") + error.got();
  if (!error.hint().empty()) text += "; " + error.hint();
  return text;
}

std::string message_of(const std::vector<Problem>& problems) {
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < max_problems_shown; ++i) {
    if (i > 0) text += "\n";
    text += describe(problems[i]);
  }
  if (problems.size() > max_problems_shown) {
    text += "\n... and " + std::to_string(problems.size() - max_problems_shown) + " more problems";
  }
  return text;
}

}  // namespace

std::string_view name(Category category) noexcept { return policy_of(category).name; }

Category category_named(std::string_view name) noexcept {
  for (const Policy& policy : policies) {
    if (policy.name == name) return policy.category;
  }
  return Category::internal;
}

int exit_code(Category category) noexcept { return policy_of(category).exit; }

Scope scope_of(Category category) noexcept { return policy_of(category).scope; }

std::string Where::place() const {
  std::string text = file;
  if (line > 0) text += (text.empty() ? "line " : ":") + std::to_string(line);
  if (line > 0 && column > 0) text += ":" + std::to_string(column);
  return text;
}

Error::Error(Category category, std::string doing, Where where, Expected expected, Got got, std::string hint)
    : category_(category),
      doing_(std::move(doing)),
      where_(std::move(where)),
      expected_(std::move(expected.text)),
      got_(std::move(got.text)),
      hint_(std::move(hint)),
      what_(message_of(*this)) {}

Error::Error(std::vector<Problem> problems)
    : category_(Category::usage), problems_(std::move(problems)), what_(message_of(problems_)) {}

Error Error::with(Change change) const {
  if (!problems_.empty()) return *this;
  return {change.category.value_or(category_),       doing_,
          std::move(change.where).value_or(where_),  Expected{expected_},
          Got{std::move(change.got).value_or(got_)}, std::move(change.hint).value_or(hint_)};
}

std::string describe(const Problem& problem) {
  const std::string place =
      Where{.file = problem.file, .line = problem.line, .column = problem.column}.place();
  std::string text = place.empty() ? problem.message : place + ": " + problem.message;
  if (!problem.expected.empty() || !problem.got.empty()) {
    text += " (";
    if (!problem.expected.empty()) text += "expected " + problem.expected;
    if (!problem.expected.empty() && !problem.got.empty()) text += ", ";
    if (!problem.got.empty()) text += "got " + problem.got;
    text += ")";
  }
  if (!problem.nearest.empty()) text += "; did you mean " + problem.nearest + "?";
  return text;
}

Problem to_problem(const Error& error) {
  std::string message = error.doing();
  if (!error.where().tensor.empty()) message += " (tensor " + printable(error.where().tensor) + ")";
  if (error.where().offset) message += " at byte " + std::to_string(*error.where().offset);
  if (!error.hint().empty()) message += "; " + error.hint();
  return {.file = error.where().file,
          .line = error.where().line,
          .column = error.where().column,
          .message = std::move(message),
          .expected = error.expected(),
          .got = error.got()};
}

std::string printable(std::string_view foreign, std::size_t limit) {
  std::string text;
  std::size_t at = 0;
  while (at < foreign.size()) {
    const auto [code_point, length] = utf8::decode(foreign.substr(at));
    std::string shown;
    const bool control = code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f);
    if (code_point == utf8::invalid || control) {
      for (std::size_t i = 0; i < length; ++i) {
        shown += "\\x";
        append_hex(shown, static_cast<unsigned char>(foreign[at + i]), 2);
      }
    } else {
      shown = foreign.substr(at, length);
    }
    if (text.size() + shown.size() > limit) return text + "...";
    text += shown;
    at += length;
  }
  return text;
}

Error system_error(int error_number, std::string doing, Where where) {
  Category category = Category::io;
  std::string hint;
  if (error_number == ENOSPC || error_number == EDQUOT) {
    category = Category::no_space;
    hint = "free some space and start the job again: it resumes";
  } else if (error_number == ENOENT) {
    category = Category::not_found;
  }
  return {category, std::move(doing), std::move(where), {}, Got{std::strerror(error_number)}, hint};
}

}  // namespace ditmill
