#include "jobs/run/verify/part_audit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <span>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/isolated.h"
#include "jobs/results/store/content_hash.h"
#include "jobs/results/store/field_attribute.h"
#include "jobs/results/store/part_reader.h"

namespace ditmill::jobs::run {
namespace {

/// What went wrong, without the places that a Damage names itself.
std::string words_of(const Error& error) {
  std::string text = error.doing();
  if (!error.expected().empty()) text += ", expected " + error.expected();
  if (!error.got().empty()) text += (error.expected().empty() ? ": " : ", got ") + error.got();
  return text;
}

std::string file_hash(const std::string& path) {
  const results::durable::File file = results::durable::File::open(path, O_RDONLY);
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  results::ContentHash hash;
  while (true) {
    const ssize_t count = ::read(file.fd(), buffer.data(), buffer.size());
    if (count == 0) return hash.hex();
    if (count > 0) {
      hash.update(std::span(buffer).first(static_cast<std::size_t>(count)));
    } else if (errno != EINTR) {
      throw system_error(errno, "read a file", Where{.file = path});
    }
  }
}

std::string shown(const results::h5::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return '"' + printable(*text, max_shown) + '"';
  return std::visit([](const auto& held) { return nlohmann::json(held).dump(); }, value);
}

/// Attributes that an item has because its request does: what is not in its key may change while it is done.
results::h5::Attributes expected_attributes(const requests::PackedItem& item) {
  results::h5::Attributes expected;
  configs::visit_fields(item, [&](const configs::Field& field, const auto& value) {
    if (!field.in_key) return;
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
      expected.emplace_back(field.name, std::string{value});
    } else {
      expected.emplace_back(field.name, results::h5::Value{value});
    }
  });
  for (auto& [name, value] : requests::unpacked_fields(item.more)) {
    if (configs::field_named(configs::family_request_fields(), name)->in_key)
      results::add_field(expected, name, value);
  }
  return expected;
}

/// Looks at a part through HDF5. What differs between a part that its hash vouches for (`whole`) and
/// requests.jsonl is the latter's fault.
class Examination {
 public:
  Examination(const std::string& path, const ClaimedPart& part, bool whole)
      : path_(path), part_(part), whole_(whole) {}

  PartAudit run() {
    std::vector<std::string> ids;
    for (const Claim& claim : part_.items) ids.push_back(claim.item);
    std::vector<std::string> stored;
    std::optional<results::PartReader> reader;
    try {
      reader.emplace(path_);
      stored = reader->items();
    } catch (const Error& error) {
      found_.damage.push_back({.file = part_.path, .items = std::move(ids), .what = words_of(error)});
      return std::move(found_);
    }
    std::sort(ids.begin(), ids.end());
    std::set_difference(stored.begin(), stored.end(), ids.begin(), ids.end(),
                        std::back_inserter(found_.unclaimed));
    for (const Claim& claim : part_.items) {
      if (std::binary_search(stored.begin(), stored.end(), claim.item)) {
        look_at(*reader, claim);
      } else {
        damage(claim, "", "the part does not hold the item");
      }
    }
    return std::move(found_);
  }

 private:
  void damage(const Claim& claim, const std::string& dataset, std::string what) {
    found_.damage.push_back(
        {.file = part_.path, .items = {claim.item}, .dataset = dataset, .what = std::move(what)});
  }

  template <typename Read>
  bool guarded(const Claim& claim, const std::string& dataset, const Read& read) {
    try {
      read();
      return true;
    } catch (const Error& error) {
      damage(claim, dataset, words_of(error));
      return false;
    }
  }

  void look_at(const results::PartReader& reader, const Claim& claim) {
    results::h5::Attributes attributes;
    if (guarded(claim, "", [&] { attributes = reader.attributes(claim.item); })) compare(claim, attributes);
    std::vector<std::string> datasets;
    if (!guarded(claim, "", [&] { datasets = reader.datasets(claim.item); })) return;
    results::ContentHash hash;
    bool whole = true;
    for (const std::string& dataset : datasets) {
      whole = guarded(claim, dataset,
                      [&] {
                        reader.read_bytes(claim.item, dataset,
                                          [&hash](std::span<const std::byte> bytes) { hash.update(bytes); });
                        if (dataset == "video") reader.video_attributes(claim.item);
                      }) &&
              whole;
    }
    if (!whole || hash.hex() == claim.content) return;
    damage(claim, datasets.size() == 1 ? datasets.front() : "",
           "its content is not that of the journal: expected " + claim.content + ", got " + hash.hex());
  }

  void compare(const Claim& claim, const results::h5::Attributes& attributes) {
    if (claim.listed == nullptr) return;
    for (const auto& [name, value] : expected_attributes(*claim.listed)) {
      const auto found = std::find_if(attributes.begin(), attributes.end(),
                                      [&name = name](const auto& each) { return each.first == name; });
      if (found == attributes.end()) {
        damage(claim, "", "attribute " + name + " is missing");
      } else if (found->second != value) {
        differs(claim, name, shown(value), shown(found->second));
      }
    }
  }

  void differs(const Claim& claim, const std::string& name, const std::string& listed,
               const std::string& stored) {
    if (!whole_) {
      damage(claim, "",
             "attribute " + name + " is not that of requests.jsonl: expected " + listed + ", got " + stored);
      return;
    }
    found_.damage.push_back({.file = "requests.jsonl",
                             .items = {claim.item},
                             .what = "its " + name + " is not what was done: expected " + stored + ", got " +
                                     listed + " (" + part_.path + ", which is whole)"});
  }

  const std::string& path_;
  const ClaimedPart& part_;
  bool whole_;
  PartAudit found_;
};

nlohmann::json to_json(const PartAudit& audit) {
  nlohmann::json damage = nlohmann::json::array();
  for (const Damage& each : audit.damage) damage.push_back(to_json(each));
  return {{"damage", std::move(damage)}, {"unclaimed", audit.unclaimed}};
}

PartAudit audit_from_json(const nlohmann::json& json) {
  PartAudit audit{.damage = {}, .unclaimed = json.at("unclaimed")};
  for (const nlohmann::json& each : json.at("damage")) audit.damage.push_back(damage_from_json(each));
  return audit;
}

}  // namespace

PartAudit audit_part(const results::RunDirectory& run, const ClaimedPart& part) {
  const std::string path = run.path() + "/" + part.path;
  std::vector<std::string> ids;
  for (const Claim& claim : part.items) ids.push_back(claim.item);
  std::string hash;
  try {
    hash = file_hash(path);
  } catch (const Error& error) {
    return {.damage = {{.file = part.path, .items = std::move(ids), .what = words_of(error)}},
            .unclaimed = {}};
  }
  if (hash == part.hash) return Examination{path, part, true}.run();

  PartAudit audit;
  std::string how;
  if (const auto found = results::isolated(
          [&] {
            return to_json(Examination{path, part, false}.run());
          },
          how)) {
    audit = audit_from_json(*found);
  } else {
    audit.damage.push_back({.file = part.path, .items = ids, .what = how});
  }
  if (part.hash.empty()) return audit;
  Damage altered{.file = part.path,
                 .items = audit.damage.empty() ? ids : std::vector<std::string>{},
                 .what = "bytes of the file are altered: expected XXH3-128 " + part.hash + ", got " + hash};
  if (audit.damage.empty()) {
    altered.what +=
        "; datasets and what requests.jsonl knows are whole: it is another attribute, or unused space";
  }
  audit.damage.insert(audit.damage.begin(), std::move(altered));
  return audit;
}

}  // namespace ditmill::jobs::run
