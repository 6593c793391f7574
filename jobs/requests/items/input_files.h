#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "configs/field.h"
#include "configs/yaml_reader.h"

namespace ditmill::jobs::requests {

/// A file that requests name, looked at.
struct InputFile {
  configs::FileValue value;  ///< its path absolute, with the digest of its bytes
  int width = 0;             ///< as it is shown: EXIF's turn is applied; 0: not known, for it is gone
  int height = 0;
  std::optional<Error> fault = {};  ///< why it cannot be used
};

/// Looks at a file's bytes, wherever they are: width, height and digest, or the fault.
InputFile look_at_picture(const std::string& path);

/// What is known of a file that is not there.
using FindGone = std::function<std::optional<InputFile>(const std::string& path)>;

/// The files that the requests of a list name: each is looked at once, however many requests name it. Its
/// header says whether it is a picture that can be decoded, its bytes are hashed. Not thread-safe.
class InputFiles {
 public:
  InputFiles() = default;
  /// A file that is not there is what `gone` knows of it.
  explicit InputFiles(FindGone gone) : gone_(std::move(gone)) {}

  /// `path` relative to `directory`, or absolute.
  const InputFile& look(const std::string& directory, const std::string& path);

  /// Looks at the files among the values that a mapping gave and that nobody has looked at; a problem goes to
  /// the reader, at the field.
  void look(configs::MapReader& reader, const std::string& directory, configs::FieldValues& values);

  /// What is wrong with a field that names a file with a fault; its place is the caller's to fill.
  static Problem problem(std::string_view field, const InputFile& file);

 private:
  FindGone gone_;
  std::map<std::string, InputFile, std::less<>> files_;
};

}  // namespace ditmill::jobs::requests
