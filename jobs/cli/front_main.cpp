#include <ostream>

#include "jobs/cli/check.h"
#include "jobs/cli/engine_path.h"
#include "jobs/cli/output.h"
#include "jobs/cli/registry_template.h"
#include "jobs/cli/results_export.h"
#include "jobs/cli/results_ls.h"
#include "jobs/cli/results_show.h"
#include "jobs/cli/run_options.h"
#include "jobs/cli/weights_identify.h"
