#include "jobs/results/store/single_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/store/part_writer.h"

namespace ditmill::jobs::results {

SingleFile::SingleFile(std::string path, const nlohmann::json& config)
    : path_(std::move(path)), temp_(path_ + std::string{durable::temp_suffix}) {
  if (std::filesystem::exists(path_)) {
    throw Error(Category::usage, "export one file", Where{.file = path_}, Expected{"no file of that name"},
                Got{"there is one"}, "name another file, or remove this one");
  }
  file_.emplace(durable::File::open(temp_, O_RDWR | O_CREAT | O_TRUNC));
  write_root_attributes(file_->get(), config, config.value("version", ""), temp_);
  items_ = h5::create_group(file_->get(), "items", temp_);
}

SingleFile::~SingleFile() {
  if (file_) ::unlink(temp_.c_str());
}

void SingleFile::add(const PartReader& part, const std::string& stored, const std::string& id) {
  try {
    part.copy(stored, items_.get(), id);
  } catch (const Error&) {
    file_->check();  // a full disk is not the part's fault
    throw;
  }
  file_->check();
}

void SingleFile::finish() {
  items_.close("close a group", temp_);
  file_->close();
  durable::publish(temp_, path_);
  file_.reset();
}

}  // namespace ditmill::jobs::results
