#pragma once

#include <string>

#include "configs/field.h"
#include "jobs/results/store/hdf5/h5_attribute.h"

namespace ditmill::jobs::results {

/// Adds a field of a request, unless it is a file: those are inputs_json together.
void add_field(h5::Attributes& attributes, const std::string& name, const configs::FieldValue& value);

}  // namespace ditmill::jobs::results
