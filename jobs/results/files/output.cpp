#include "jobs/results/files/output.h"

#include <iostream>
#include <sstream>

#include "configs/error.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs::results {

int write_results(const std::string& out_file, const std::function<int(std::ostream&)>& write) {
  if (out_file.empty()) {
    const int code = write(std::cout);
    std::cout.flush();
    if (!std::cout) throw Error{Category::io, "write to standard output"};
    return code;
  }
  std::ostringstream text;
  const int code = write(text);
  durable::write_file(out_file, text.str());
  return code;
}

int run_command(const std::function<int()>& command) {
  try {
    return command();
  } catch (const Error& error) {
    std::cerr << "ditmill: " << error.what() << "\n";
    return exit_code(error.category());
  } catch (const std::bad_alloc&) {
    std::cerr << "ditmill: out of memory\n";
    return exit_code(Category::memory);
  } catch (const std::exception& error) {
    std::cerr << "ditmill: internal error: " << error.what() << "\n";
    return exit_code(Category::internal);
  }
}

}  // namespace ditmill::jobs::results
