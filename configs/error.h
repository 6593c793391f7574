#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill {

/// What kind of thing went wrong; decides the exit code (contracts.md) and whether an item or the job fails:
/// one table says both (error.cpp).
enum class Category {
  usage,          ///< command line, manifest, prompt list, degrees: the user can fix it
  bad_input,      ///< a malformed file, or one that contradicts another
  not_found,      ///< a path that the user named does not exist
  unknown_model,  ///< well-formed weights that the catalog does not know
  unsupported,    ///< understood, but this version cannot run it
  io,             ///< read, write, rename or fsync failed
  no_space,       ///< the disk or quota is full
  device,         ///< an accelerator or its runtime failed
  communication,  ///< MPI or NCCL failed, or ranks disagree
  memory,         ///< an allocation failed
  numeric,        ///< a result is not finite
  internal,       ///< a broken promise between parts of ditmill: a bug
};

/// The word for a category in JSON, journals and logs.
std::string_view name(Category category) noexcept;
/// The category of that name; `internal` if there is none.
Category category_named(std::string_view name) noexcept;
/// The process exit code that a category leads to: 1 (the user can fix it) or 3 (environment).
int exit_code(Category category) noexcept;
/// Exit codes that no error leads to.
inline constexpr int exit_incomplete = 2;  ///< all was tried, and something failed, differs or is unknown
inline constexpr int exit_resumable = 75;  ///< stopped early

/// What ends with an error that is met while an item is made.
enum class Scope {
  job,           ///< all of it, for every item would meet it; it resumes
  item,          ///< the item: it follows from what was asked, so that all ranks that make it meet it alike
  item_on_rank,  ///< the item, by a fault of the process, which may be one of several: the others would wait
};
Scope scope_of(Category category) noexcept;
/// Whether an error of this kind fails the item that met it and leaves the job alone.
inline bool fails_the_item(Category category) noexcept { return scope_of(category) != Scope::job; }

/// Where it went wrong. Every field is optional; those set appear in the message.
struct Where {
  std::string file = {};
  std::optional<std::uint64_t> offset = {};  ///< byte offset in the file
  int line = 0;                              ///< from 1; 0: none
  int column = 0;                            ///< from 1; 0: none
  std::string key = {};                      ///< dotted path in a manifest, or `--set a.b.c`
  std::string tensor = {};
  std::string item = {};
  int rank = -1;

  /// `file:line:column`, or what there is of it.
  std::string place() const;
};

/// What was expected and what was found; either may stay empty.
struct Expected {
  std::string text = {};
};
struct Got {
  std::string text = {};
};

/// One thing wrong with what the user wrote, as `run --check --json` prints it.
struct Problem {
  std::string file = {};
  int line = 0;
  int column = 0;
  std::string message = {};
  std::string expected = {};
  std::string got = {};
  std::string nearest = {};  ///< the nearest valid key or value
  std::string field = {};    ///< of whoever cannot know its place: the field at fault, as width or tp

  bool operator==(const Problem&) const = default;
};

/// The one exception type of ditmill. what() is the whole message: what was being done, where, expected and
/// got, and what to do about it. Exceptions inside; exit codes only in main.
class Error : public std::exception {
 public:
  Error(Category category, std::string doing, Where where = {}, Expected expected = {}, Got got = {},
        std::string hint = {});
  /// All problems of a user's input at once: what() shows the first 20, then a count.
  /// Category is usage. `problems` must not be empty.
  explicit Error(std::vector<Problem> problems);

  /// What of an error is to be another; what is not set stays.
  struct Change {
    std::optional<Category> category = {};
    std::optional<Where> where = {};
    std::optional<std::string> got = {};
    std::optional<std::string> hint = {};
  };
  /// A copy that differs in that. Problems of a user's input have their places and say it all: they stay as
  /// they are.
  Error with(Change change) const;

  const char* what() const noexcept override { return what_.c_str(); }
  Category category() const noexcept { return category_; }
  const std::string& doing() const noexcept { return doing_; }
  const Where& where() const noexcept { return where_; }
  const std::string& expected() const noexcept { return expected_; }
  const std::string& got() const noexcept { return got_; }
  const std::string& hint() const noexcept { return hint_; }
  const std::vector<Problem>& problems() const noexcept { return problems_; }

 private:
  Category category_;
  std::string doing_;
  Where where_;
  std::string expected_;
  std::string got_;
  std::string hint_;
  std::vector<Problem> problems_;
  std::string what_;
};

/// One line (no newline) that a problem is shown as: `file:line:column: message (expected ..., got ...); did
/// you mean ...?`
std::string describe(const Problem& problem);
/// An error as one Problem (its problems() are not looked at).
Problem to_problem(const Error& error);
/// At most `limit` bytes of foreign text, control characters and bytes that are not UTF-8 escaped: safe on a
/// terminal.
std::string printable(std::string_view foreign, std::size_t limit = 200);
/// The limit where a message says more than the foreign text.
inline constexpr std::size_t max_shown = 80;
/// An Error of category io (no_space for ENOSPC and EDQUOT, not_found for ENOENT) from errno after a failed
/// system call.
Error system_error(int error_number, std::string doing, Where where = {});

}  // namespace ditmill
