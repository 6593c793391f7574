#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/component.h"

namespace ditmill::registry {

/// Throws the Error(bad_input) of files that are not a component's weights together.
[[noreturn]] void refuse_set(const std::string& path, std::string expected, std::string got,
                             std::string tensor = {}, std::string hint = {});

/// One weight file, its header read: safetensors, or a checkpoint of torch if that is allowed, told apart by
/// their first bytes. What is odd but usable is added to `warnings`. Throws Error: bad_input, also for an
/// unfinished download and for a checkpoint that is not allowed, of which nothing more is looked at; io.
WeightFile read_weight_header(const std::string& path, bool allow_pickle, std::vector<std::string>& warnings);

/// What a file is that is no part of a model (bystander.h); empty also for one that cannot be read.
std::string_view bystander_at(const std::string& path, bool allow_pickle);
/// The names of files that are bystanders, taken out of `names`, unless all are.
std::vector<std::string> take_bystanders(const std::string& folder, bool allow_pickle,
                                         std::vector<std::string>& names);

}  // namespace ditmill::registry
