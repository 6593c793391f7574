#include "jobs/run/verify/index_audit.h"

#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "configs/error.h"
#include "jobs/results/files/isolated.h"
#include "jobs/results/store/hdf5/h5.h"
#include "jobs/results/store/hdf5/h5_attribute.h"

namespace ditmill::jobs::run {
namespace {

/// The links of an index, met one by one: a million of them are not held.
class Links {
 public:
  Links(const TargetOf& target_of, const std::string& file) : target_of_(target_of), file_(file) {}

  void read(hid_t group) {
    results::h5::quiet();
    const herr_t result = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, take, this);
    if (error_) std::rethrow_exception(error_);
    if (result < 0) throw results::h5::failure("list the index's links", file_, Category::bad_input);
  }

  std::size_t right() const { return right_; }
  const std::vector<std::string>& wrong() const { return wrong_; }

 private:
  static herr_t take(hid_t group, const char* name, const H5L_info_t* info, void* self) {
    auto& links = *static_cast<Links*>(self);
    // An exception must not pass through HDF5's C frames.
    try {
      links.take_one(group, name, *info);
      return 0;
    } catch (...) {
      links.error_ = std::current_exception();
      return -1;
    }
  }

  void take_one(hid_t group, const char* name, const H5L_info_t& info) {
    const std::optional<LinkTarget> target = target_of_(name);
    if (target && info.type == H5L_TYPE_EXTERNAL) {
      std::vector<char> value(info.u.val_size);
      results::h5::call<H5Lget_val>("read a link", file_, group, name, static_cast<void*>(value.data()),
                                    value.size(), H5P_DEFAULT);
      const char* part = nullptr;
      const char* item = nullptr;
      results::h5::call<H5Lunpack_elink_val>("read a link", file_, static_cast<const void*>(value.data()),
                                             value.size(), static_cast<unsigned*>(nullptr), &part, &item);
      if (target->part == part && "/items/" + target->item == item) {
        ++right_;
        return;
      }
    }
    wrong_.emplace_back(name);
  }

  const TargetOf& target_of_;
  const std::string& file_;
  std::size_t right_ = 0;
  std::vector<std::string> wrong_;
  std::exception_ptr error_;
};

nlohmann::json examine(const std::string& path, std::size_t done, const TargetOf& target_of,
                       const nlohmann::json& config) {
  nlohmann::json stale = nlohmann::json::array();
  try {
    const results::h5::File file = results::h5::open_file(path);
    for (const auto& [name, value] : results::h5::read_attributes(file.get(), path)) {
      if (name != "config_json" || config.is_null()) continue;
      const auto* text = std::get_if<std::string>(&value);
      if (text == nullptr || nlohmann::json::parse(*text, nullptr, false) != config) {
        stale.push_back("its config_json is not what config.json says");
      }
    }
    Links links(target_of, path);
    links.read(results::h5::open_group(file.get(), "items", path).get());
    if (!links.wrong().empty()) {
      stale.push_back("it links what is not done, or not there: " + some_of(links.wrong()));
    }
    if (links.right() < done) {
      stale.push_back("it lacks " + std::to_string(done - links.right()) + " of " + std::to_string(done) +
                      " items that are done");
    }
    return {{"stale", stale}};
  } catch (const Error& error) {
    return {{"damage", error.doing() + (error.got().empty() ? "" : ": " + error.got())}};
  }
}

}  // namespace

IndexAudit audit_index(const results::RunDirectory& run, std::size_t done, const TargetOf& target_of,
                       const nlohmann::json& config) {
  IndexAudit audit;
  const std::string name = std::filesystem::path(run.index()).filename().string();
  std::error_code error;
  if (!std::filesystem::exists(run.index(), error) && !error) {
    audit.stale.emplace_back("there is none");
    return audit;
  }
  std::string how;
  const auto found = results::isolated([&] { return examine(run.index(), done, target_of, config); }, how);
  if (found && found->contains("stale")) {
    audit.stale = found->at("stale");
  } else {
    audit.damage.push_back({.file = name, .what = found ? found->at("damage").get<std::string>() : how});
  }
  return audit;
}

}  // namespace ditmill::jobs::run
