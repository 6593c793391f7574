#pragma once

#include "configs/model_definition.h"
#include "jobs/plan/bind/prepared_job.h"
#include "models/family.h"
#include "registry/component.h"

namespace ditmill::jobs::plan {

/// What a model folder's components are to their family.
struct BoundFolder {
  const models::Family* family = nullptr;
  models::HyperParameters hyper_parameters;
};

/// Binds the components of a whole model whose weights are known. Throws Error: a role or the tokenizer is
/// missing (with where it may come from), weights that this version cannot compute with, components that do
/// not fit.
BoundFolder bind_folder(const registry::ModelFolder& folder);

/// Opens the folder, insists that all of it is known, and binds every component to its family. Its warnings
/// become the job's.
void bind_model(PreparedJob& job, const configs::ModelDefinition& model);

}  // namespace ditmill::jobs::plan
