#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "configs/text_encoding.h"
#include "configs/utf8.h"
#include "configs/yaml_cure.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

constexpr const char* no_aliases = "aliases are not supported";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

struct Place {
  int line;
  int column;
};

/// Whether a byte belongs to the character that began before it.
bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

/// Thrown through yaml-cpp once nothing further can be read; the problem is already reported.
struct Stop {};

/// A text and what is wrong with it.
class Source {
 public:
  Source(std::string_view text, const std::string& file, std::vector<Problem>& problems)
      : text_(text), file_(file), problems_(problems) {}

  std::string_view text() const noexcept { return text_; }

  Place place(std::size_t offset) const {
    seek(std::min(offset, text_.size()));
    return reached_;
  }
  /// By its offset: yaml-cpp's own columns count bytes.
  Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {0, 0};
    return place(static_cast<std::size_t>(std::max(mark.pos, 0)));
  }
  std::string_view from(const YAML::Mark& mark) const {
    return text_.substr(std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size()));
  }

  const std::string& file() const noexcept { return file_; }
  /// The line that a mark is in.
  std::string_view line(const YAML::Mark& mark) const {
    const std::size_t at = std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size());
    const std::size_t newline = at == 0 ? std::string_view::npos : text_.rfind('\n', at - 1);
    const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    return text_.substr(begin, std::min(text_.find('\n', begin), text_.size()) - begin);
  }
  /// The value written out, or the text in quotes.
  std::string written_out(const YAML::Mark& mark) const {
    const std::string cure = yaml_cure(line(mark));
    return cure.empty() ? "the value written out" : "the value written out; or " + cure;
  }

  void problem(Place at, std::string message, std::string expected = {}, std::string got = {}) const {
    problems_.push_back({.file = file_,
                         .line = at.line,
                         .column = at.column,
                         .message = std::move(message),
                         .expected = std::move(expected),
                         .got = std::move(got)});
  }

 private:
  /// Walks from the place asked for last: places come nearly in order, and a generated text may be one long
  /// line.
  void seek(std::size_t offset) const {
    while (offset_ > offset && text_[offset_ - 1] != '\n') {
      if (!continues(text_[--offset_])) --reached_.column;
    }
    if (offset_ > offset) {
      const std::string_view back = text_.substr(offset, offset_ - offset);
      reached_.line -= static_cast<int>(std::count(back.begin(), back.end(), '\n'));
      const std::size_t newline = text_.substr(0, offset).rfind('\n');
      offset_ = newline == std::string_view::npos ? 0 : newline + 1;
      reached_.column = 1;
    }
    for (; offset_ < offset; ++offset_) {
      if (text_[offset_] == '\n') {
        ++reached_.line;
        reached_.column = 1;
      } else if (!continues(text_[offset_])) {
        ++reached_.column;
      }
    }
  }

  std::string_view text_;
  const std::string& file_;
  std::vector<Problem>& problems_;
  mutable std::size_t offset_ = 0;
  mutable Place reached_{1, 1};
};

/// Builds the tree from yaml-cpp's events, and reports what a manifest may not use.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const Source& source) : source_(source) {}

  YamlNode take_root() {
    // After a syntax error the mappings read so far are still open; what they lack is not the user's fault.
    cut_short_ = true;
    while (!open_.empty()) close();
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    source_.problem(source_.place(mark), "a second YAML document begins here", "one document");
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    source_.problem(source_.place(mark), "anchors are not supported: &" + printable(name, 80),
                    source_.written_out(mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    source_.problem(source_.place(mark), no_aliases, source_.written_out(mark));
    YamlNode node = make(YamlNode::Kind::null, mark);
    node.reported = true;
    add(std::move(node));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    static constexpr std::array<std::string_view, 4> words{"~", "null", "Null", "NULL"};
    YamlNode node = make(YamlNode::Kind::null, mark);
    const std::string_view rest = source_.from(mark);
    const bool written = std::any_of(words.begin(), words.end(), [rest](std::string_view word) {
      return rest.substr(0, word.size()) == word;
    });
    if (!written) place_left_out(node, mark);
    add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    YamlNode node = make(YamlNode::Kind::scalar, mark);
    node.text = value;
    node.quoted = tag == "!";
    // "!" is yaml-cpp's mark for quoted and block scalars, but can also be written.
    const bool tagged = node.quoted ? source_.from(mark).substr(0, 1) == "!" : tag != "?";
    if (tagged) node.reported = report_tag(mark, tag);
    if (node.quoted && !is_closed(source_.from(mark))) {
      source_.problem(source_.place(mark), "a quote that is never closed", "a quote at the end of the text");
      node.reported = true;
    }
    if (value.find('\0') != std::string::npos) {
      source_.problem(source_.place(mark), "a NUL character in text");
      node.reported = true;
    }
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::sequence, mark, tag);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::mapping, mark, tag);
  }
  void OnMapEnd() override { close(); }

 private:
  /// Whether a quoted text ends: yaml-cpp takes the end of the file for it.
  static bool is_closed(std::string_view text) {
    if (!text.starts_with('"') && !text.starts_with('\'')) return true;
    const char quote = text[0];
    for (std::size_t at = 1; at < text.size(); ++at) {
      if (text[at] == quote) return true;  // a doubled one has another after it
      if (quote == '"' && text[at] == '\\') ++at;
    }
    return false;
  }

  struct Open {
    YamlNode node;
    YamlNode key = {};
    bool has_key = false;
    bool drop_value = false;
    std::set<std::string, std::less<>> keys = {};
  };

  YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark) const {
    const Place at = source_.place(mark);
    return {.kind = kind, .line = at.line, .column = at.column};
  }

  /// A value that was left out has the mark of what follows it, often on another line.
  void place_left_out(YamlNode& node, const YAML::Mark& mark) const {
    if (!open_.empty() && open_.back().has_key) {
      node.line = open_.back().key.line;
      node.column = open_.back().key.column;
      return;
    }
    const std::string_view before = source_.text().substr(0, static_cast<std::size_t>(std::max(mark.pos, 0)));
    const std::size_t last = before.find_last_not_of(" \t\r\n");
    const Place at = source_.place(last == std::string_view::npos ? 0 : last);
    node.line = at.line;
    node.column = at.column;
  }

  bool report_tag(const YAML::Mark& mark, const std::string& tag) const {
    source_.problem(source_.place(mark), "tags are not supported: " + printable(tag, 80),
                    yaml_cure(source_.line(mark)));
    return true;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    if (tag != "?" && !tag.empty()) report_tag(mark, tag);
    if (open_.size() == max_yaml_depth) {
      source_.problem(source_.place(mark), "nested too deeply",
                      "at most " + std::to_string(max_yaml_depth) + " levels");
      throw Stop{};
    }
    open_.push_back({.node = make(kind, mark)});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      parent.drop_value = !accept_key(parent, node);
      parent.key = std::move(node);
      parent.has_key = true;
    } else {
      if (!parent.drop_value) parent.node.entries.emplace_back(std::move(parent.key), std::move(node));
      parent.has_key = false;
    }
  }

  bool accept_key(Open& parent, const YamlNode& key) const {
    const Place at{key.line, key.column};
    if (key.reported || cut_short_) return false;
    if (key.kind != YamlNode::Kind::scalar) {
      source_.problem(at, "a key must be text", "text", describe(key));
      return false;
    }
    if (key.text == "<<" && !key.quoted) {
      source_.problem(at, "merge keys are not supported", "the keys written out");
      return false;
    }
    if (parent.keys.insert(key.text).second) return true;
    source_.problem(at, "the key " + printable(key.text, 80) + " appears twice in one mapping");
    return false;
  }

  const Source& source_;
  YamlNode root_;
  std::vector<Open> open_;
  int documents_ = 0;
  bool cut_short_ = false;
};

/// Bytes that yaml-cpp would guess about: another encoding, or characters that YAML does not allow.
bool check_characters(const Source& source) {
  const std::string_view text = source.text();
  const bool is_option = source.file().starts_with("--set ");
  if (const std::string_view utf16 = utf16_encoding(text); !is_option && !utf16.empty()) {
    source.problem({1, 0}, "not UTF-8 but UTF-16 text", "UTF-8: " + conversion(utf16, source.file()));
    return false;
  }
  for (std::size_t at = 0; at < text.size();) {
    const auto [code_point, length] = utf8::decode(text.substr(at));
    if (code_point == utf8::invalid) {
      source.problem(
          source.place(at), "not UTF-8 text",
          is_option ? "UTF-8" : "UTF-8; of Windows' CP1252: " + conversion("CP1252", source.file()),
          "byte " + printable(text.substr(at, 1)));
      return false;
    }
    const bool blank = code_point == '\t' || code_point == '\n' || code_point == '\r' || code_point == 0x85;
    if (!blank && (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0))) {
      source.problem(source.place(at), "a control character", "text", printable(text.substr(at, length)));
      return false;
    }
    at += length;
  }
  return true;
}

}  // namespace

YamlNode parse_yaml(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  const Source source(text, file, problems);
  if (text.size() > max_yaml_bytes) {
    source.problem({0, 0}, "too large for a YAML file",
                   "at most " + std::to_string(max_yaml_bytes) + " bytes",
                   std::to_string(text.size()) + " bytes");
    return {};
  }
  if (!check_characters(source)) return {};
  TreeBuilder builder(source);
  bool torn = false;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
  } catch (const YAML::Exception& error) {
    if (error.msg.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
      source.problem(source.place(error.mark), no_aliases, source.written_out(error.mark));
    } else {
      torn = true;
      source.problem(source.place(error.mark), "not YAML: " + printable(error.msg),
                     yaml_cure(source.line(error.mark)));
    }
  }
  YamlNode root = builder.take_root();
  root.torn = torn;
  return root;
}

}  // namespace ditmill::configs
