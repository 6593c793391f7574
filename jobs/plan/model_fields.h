#pragma once

#include <ostream>
#include <string>

namespace ditmill::jobs::plan {

/// `run --fields MODEL`: the fields that requests and pipelines of a model take, with kinds, bounds and what
/// each is where a manifest says nothing (by the model's preset). `model` is a folder, or a manifest that
/// names one. As text or JSON to `out`; returns 0. Throws Error for a folder that is no model this version
/// runs.
int show_fields(const std::string& model, bool json, std::ostream& out);

}  // namespace ditmill::jobs::plan
