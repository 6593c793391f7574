#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "configs/bounds.h"
#include "configs/choice.h"
#include "configs/error.h"

namespace ditmill::configs {

/// A YAML value with its place. Anchors, aliases, tags, merge keys, duplicate keys and several documents
/// never get this far: parse_yaml() reports them.
struct YamlNode {
  enum class Kind { null, scalar, sequence, mapping };

  Kind kind = Kind::null;
  std::string text = {};    ///< a scalar's text
  bool quoted = false;      ///< a quoted or block scalar is a string, never a number, a boolean or null
  int line = 0;             ///< from 1; 0: not from a file
  int column = 0;           ///< from 1, in characters (code points)
  bool reported = false;    ///< a problem of this value is known: readers skip it and say no more
  bool torn = false;        ///< of a root: its text ends in what is no YAML, and the rest is missing
  std::string origin = {};  ///< `--set a.b.c` if a command line option put it here
  std::vector<YamlNode> items = {};                         ///< of a sequence
  std::vector<std::pair<YamlNode, YamlNode>> entries = {};  ///< of a mapping, in order; keys are scalars

  /// The value of a mapping's key, or nullptr.
  const YamlNode* find(std::string_view key) const noexcept;
};

/// Deeper nesting than this, and larger texts, are refused by parse_yaml().
inline constexpr std::size_t max_yaml_depth = 64;
inline constexpr std::size_t max_yaml_bytes = std::size_t{256} << 20;

/// Parses one YAML document (UTF-8, a BOM is skipped). What is wrong is added to `problems` with its place;
/// the node returned is then usable, but incomplete. `file` only names the text in messages. Never throws for
/// bad text. A text without a document is a null node.
YamlNode parse_yaml(std::string_view text, const std::string& file, std::vector<Problem>& problems);

/// What a value is, for the `got` of a Problem: its text, or "a mapping", "a list", "nothing".
std::string describe(const YamlNode& node);

/// Reads a mapping field by field and accounts for every key: those never asked for are reported by finish(),
/// with the nearest key that was. A read leaves `out` as it was if the key is absent, and reports a Problem
/// at the value's place if it has the wrong type or is out of bounds. Returns whether `out` was set.
class MapReader {
 public:
  /// `path` is the dotted path of `node` ("" at the root); `node` and `problems` outlive the reader. A node
  /// that is no mapping (null counts as an empty one) is reported once.
  MapReader(const YamlNode& node, std::string path, std::string file, std::vector<Problem>& problems);

  bool has(std::string_view key);
  /// The raw value, or nullptr if absent; the key counts as known.
  const YamlNode* find(std::string_view key);

  /// Text: any scalar but null. A number or a boolean is taken as it is written.
  bool read(std::string_view key, std::string& out);
  bool read(std::string_view key, bool& out);
  bool read(std::string_view key, int& out, Bounds<int> bounds);
  bool read(std::string_view key, std::int64_t& out, Bounds<std::int64_t> bounds);
  bool read(std::string_view key, double& out, Bounds<double> bounds);
  bool read(std::string_view key, std::vector<std::string>& out);
  /// One of the words of an enumeration.
  template <typename T>
  bool read(std::string_view key, T& out, std::type_identity_t<std::span<const Choice<T>>> choices) {
    std::vector<std::string_view> words;
    for (const Choice<T>& choice : choices) words.push_back(choice.word);
    const std::optional<std::size_t> found = read_word(key, words);
    if (found) out = choices[*found].value;
    return found.has_value();
  }

  /// The mapping under a key; an empty one if the key is absent.
  MapReader map(std::string_view key);
  /// The elements of the sequence under a key; none if absent.
  std::span<const YamlNode> list(std::string_view key);
  /// The keys of this mapping, in order; they count as known (for mappings whose keys are the user's own).
  std::vector<std::string> keys();

  /// A problem at the value of `key` (at this mapping if absent).
  void problem(std::string_view key, std::string message, std::string expected = {}, std::string got = {},
               std::string nearest = {});
  /// As problem(), at the key itself, for a key that should not be there.
  void problem_at_key(std::string_view key, std::string message, std::string expected = {},
                      std::string got = {}, std::string nearest = {});
  /// As problem(), at a node.
  void problem_at(const YamlNode& node, std::string message, std::string expected = {}, std::string got = {},
                  std::string nearest = {});
  /// Reports the keys that nobody asked for. Call once, last.
  void finish();

  const YamlNode& node() const noexcept { return *node_; }
  const std::string& file() const noexcept { return file_; }
  std::vector<Problem>& problems() const noexcept { return *problems_; }
  /// `a.b.key`
  std::string path_of(std::string_view key) const;

 private:
  /// The value of a key that is there and worth reading, or nullptr.
  const YamlNode* value(std::string_view key);
  void wrong_type(const YamlNode& node, std::string_view key, std::string expected);
  template <typename T>
  bool read_number(std::string_view key, T& out, Bounds<T> bounds);
  std::optional<std::size_t> read_word(std::string_view key, std::span<const std::string_view> words);

  const YamlNode* node_;
  const YamlNode* place_;  ///< where problems of this mapping are: the nearest mapping that is written down
  std::string path_;
  std::string file_;
  std::vector<Problem>* problems_;
  std::vector<std::string> known_;
};

}  // namespace ditmill::configs
