#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "jobs/results/store/hdf5/h5.h"

namespace ditmill::jobs::results::h5 {

/// What an attribute of ditmill's holds: a variable-length UTF-8 string, int64 or float64.
using Value = std::variant<std::string, std::int64_t, double>;
using Attributes = std::vector<std::pair<std::string, Value>>;

/// Throws Error: io, no_space, internal (text that is not UTF-8, or holds a NUL).
void write_attribute(hid_t object, const std::string& name, const Value& value, const std::string& file);
/// A list as one attribute, of any length (also none): the file's format keeps large ones outside the header.
void write_attribute(hid_t object, const std::string& name, std::span<const std::string> values,
                     const std::string& file);
/// All attributes that are a Value, by name. Others are left out. Throws Error(bad_input) for a damaged file.
Attributes read_attributes(hid_t object, const std::string& file);

}  // namespace ditmill::jobs::results::h5
