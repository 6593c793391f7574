#include "registry/formats/digest_record.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "configs/component_name.h"
#include "configs/error.h"
#include "configs/hex.h"
#include "registry/formats/json_document.h"
#include "registry/formats/looks_like.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view record_format = "ditmill weights digest 1";
constexpr std::string_view root_prefix = "sha256:";
constexpr std::size_t sha256_digits = 64;
constexpr std::size_t leaf_digits = 32;

std::string written_as(const std::string& path, const std::string& folder) {
  if (folder.empty()) return path;
  const std::string whole = whole_path(path);
  const fs::path relative = fs::path{whole}.lexically_relative(folder);
  return relative.empty() || *relative.begin() == ".." ? whole : relative.native();
}

/// Reads the fields of one object of a record, each once.
class Fields {
 public:
  Fields(const nlohmann::json& object, std::string place, const std::string& file)
      : object_(object), place_(std::move(place)), file_(file) {
    if (!object_.is_object()) fail("", "an object", object_.type_name());
  }

  [[noreturn]] void fail(const std::string& field, std::string expected, std::string got) const {
    throw Error{
        Category::bad_input,
        "read a record of digests",
        Where{.file = file_, .key = field.empty() ? place_ : place_ + (place_.empty() ? "" : ".") + field},
        Expected{std::move(expected)},
        Got{std::move(got)},
        "write it anew with `ditmill weights digest --write`"};
  }

  const nlohmann::json& get(const std::string& field) {
    const auto found = object_.find(field);
    if (found == object_.end()) fail(field, "this field", "none");
    ++read_;
    return *found;
  }

  std::string text(const std::string& field) {
    const nlohmann::json& value = get(field);
    if (!value.is_string()) fail(field, "a text", value.type_name());
    return value.get<std::string>();
  }

  std::string digits(const std::string& field, std::string_view prefix, std::size_t count) {
    std::string value = text(field);
    const std::string_view after = std::string_view{value}.substr(std::min(prefix.size(), value.size()));
    if (!value.starts_with(prefix) || !is_hex(after, count)) {
      fail(field, std::string{prefix} + std::to_string(count) + " digits 0-9 a-f",
           printable(value, max_shown));
    }
    return value;
  }

  const nlohmann::json& list(const std::string& field) {
    const nlohmann::json& value = get(field);
    if (!value.is_array()) fail(field, "a list", value.type_name());
    return value;
  }

  /// Precondition: every known field has been read, once.
  void finish() const {
    if (read_ != object_.size()) fail("", std::to_string(read_) + " fields", std::to_string(object_.size()));
  }

 private:
  const nlohmann::json& object_;
  std::string place_;
  const std::string& file_;
  std::size_t read_ = 0;
};

std::uint8_t nibble(char digit) { return static_cast<std::uint8_t>(hex_digits.find(digit)); }

Leaf leaf_from(const nlohmann::json& value, const Fields& fields) {
  if (!value.is_string() || !is_hex(value.get_ref<const std::string&>(), leaf_digits)) {
    fields.fail("leaves", "texts of 32 digits 0-9 a-f", printable(value.dump(), max_shown));
  }
  const std::string& text = value.get_ref<const std::string&>();
  Leaf leaf{};
  for (std::size_t i = 0; i < leaf.size(); ++i) {
    leaf[i] = static_cast<std::uint8_t>(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
  }
  return leaf;
}

/// A path of a record, as it is reached from here.
std::string reached(Fields& fields, const std::string& folder) {
  const std::string path = fields.text("path");
  if (path.empty() || path.find('\0') != std::string::npos) fields.fail("path", "a path", printable(path));
  return whole_path((fs::path{folder} / path).native());
}

DigestedFile file_from(const nlohmann::json& value, std::string place, const std::string& file,
                       const std::string& folder) {
  Fields fields{value, std::move(place), file};
  DigestedFile digested;
  digested.path = reached(fields, folder);
  const nlohmann::json& bytes = fields.get("bytes");
  if (!bytes.is_number_integer() || (!bytes.is_number_unsigned() && bytes.get<std::int64_t>() < 0)) {
    fields.fail("bytes", "a size", printable(bytes.dump(), max_shown));
  }
  digested.digest.size = bytes.get<std::uint64_t>();
  digested.sha256 = fields.digits("sha256", "", sha256_digits);
  const nlohmann::json& leaves = fields.list("leaves");
  const std::uint64_t count =
      digested.digest.size / leaf_bytes + (digested.digest.size % leaf_bytes > 0 ? 1 : 0);
  if (leaves.size() != count) {
    fields.fail("leaves", std::to_string(count) + " of them, one each 4 MiB", std::to_string(leaves.size()));
  }
  for (const nlohmann::json& leaf : leaves) digested.digest.leaves.push_back(leaf_from(leaf, fields));
  const std::string root = fields.digits("root", root_prefix, sha256_digits);
  if (root != digested.root()) fields.fail("root", "that of the leaves, " + digested.root(), root);
  fields.finish();
  return digested;
}

ModelDigest model_from(const nlohmann::json& value, const std::string& place, const std::string& file,
                       const std::string& folder) {
  Fields fields{value, place, file};
  ModelDigest model;
  model.path = reached(fields, folder);
  if (fields.get("digest").is_null()) {
    model.why = fields.text("why");
    fields.finish();
    return model;
  }
  const nlohmann::json& components = fields.get("components");
  Fields roots{components, place + ".components", file};
  for (const auto& [name, root] : components.items()) {
    model.components[std::string{configs::component_named(name)}] =
        roots.digits(name, root_prefix, sha256_digits);
  }
  if (value.at("digest") != model_digest(model.components)) {
    fields.fail("digest", "that of the components, " + model_digest(model.components),
                printable(value.at("digest").dump(), max_shown));
  }
  model.digest = model_digest(model.components);
  fields.finish();
  return model;
}

}  // namespace

nlohmann::json to_json(const DigestRecord& record, const std::string& folder) {
  nlohmann::json files = nlohmann::json::array();
  for (const DigestedFile& file : record.files) {
    nlohmann::json leaves = nlohmann::json::array();
    for (const Leaf& leaf : file.digest.leaves) leaves.push_back(hex(leaf));
    files.push_back({{"path", written_as(file.path, folder)},
                     {"bytes", file.digest.size},
                     {"sha256", file.sha256},
                     {"leaves", std::move(leaves)},
                     {"root", file.root()}});
  }
  nlohmann::json models = nlohmann::json::array();
  for (const ModelDigest& model : record.models) {
    nlohmann::json object{{"path", written_as(model.path, folder)}, {"digest", nullptr}};
    if (model.digest.empty()) {
      object["why"] = model.why;
    } else {
      object["digest"] = model.digest;
      object["components"] = model.components;
    }
    models.push_back(std::move(object));
  }
  return {{"format", record_format}, {"files", std::move(files)}, {"models", std::move(models)}};
}

std::string digest_text(const DigestRecord& record) {
  std::string text;
  for (const DigestedFile& file : record.files)
    text += file.sha256 + "  " + printable(file.path, 4096) + "\n";
  for (const ModelDigest& model : record.models) {
    text += model.digest.empty()
                ? "no model.digest of " + printable(model.path, 4096) + ": " + model.why + "\n"
                : "model.digest " + model.digest + "  " + printable(model.path, 4096) + "\n";
  }
  return text;
}

DigestRecord parse_digest_record(std::string_view text, const std::string& file) {
  const nlohmann::json json =
      told_apart(text, [&] { return parse_json(text, "read a record of digests", file); });
  Fields fields{json, "", file};
  if (const std::string format = fields.text("format"); format != record_format) {
    fields.fail("format", std::string{record_format}, printable(format, max_shown));
  }
  const std::string folder = fs::path{whole_path(file)}.parent_path().native();
  DigestRecord record;
  for (const nlohmann::json& each : fields.list("files")) {
    record.files.push_back(file_from(each, "files." + std::to_string(record.files.size()), file, folder));
  }
  for (const nlohmann::json& each : fields.list("models")) {
    record.models.push_back(model_from(each, "models." + std::to_string(record.models.size()), file, folder));
  }
  fields.finish();
  return record;
}

std::string whole_path(const std::string& path) {
  std::error_code error;  // what cannot be looked at stays as it is written
  const fs::path absolute = fs::absolute(path, error);
  const fs::path name = absolute.filename();
  const bool itself = name.empty() || name == "." || name == "..";
  const fs::path folder = fs::weakly_canonical(itself ? absolute : absolute.parent_path(), error);
  if (error) return absolute.lexically_normal().native();
  return itself ? folder.native() : (folder / name).native();
}

}  // namespace ditmill::registry
