#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "configs/field.h"
#include "configs/yaml_reader.h"
#include "jobs/plan/manifest/manifest.h"
#include "jobs/requests/list/prompt_list.h"

namespace ditmill::jobs::plan {

/// Reports the fields of a mapping that other models have and this one lacks, with those it has of
/// `declared`.
void refuse_lacking(configs::MapReader& section, const std::set<std::string, std::less<>>& lacking,
                    std::span<const std::string> declared);
/// The names of fields or outputs.
template <typename Declared>
std::vector<std::string> names_of(std::span<const Declared> declared) {
  std::vector<std::string> names;
  for (const Declared& each : declared) names.push_back(each.name);
  return names;
}

/// `requests:` of a manifest: layer 3's defaults, and the items of a file or of the manifest itself.
class RequestsSection {
 public:
  /// `defaults` is what requests take where the manifest says nothing. All but the reader's node and
  /// problems, and `source`, is copied.
  RequestsSection(configs::MapReader requests, const ManifestSource& source, requests::ItemDefaults defaults);

  /// Problems go to the reader. Throws Error(io) for a list that opens and then cannot be read.
  requests::ItemList read(const CheckRequest& check_request);
  /// Which part of the list read() has returned; none: all of it.
  const std::optional<requests::Shard>& shard() const noexcept { return shard_; }
  /// Names the places of what read() has returned.
  const std::string& list_file() const noexcept { return list_file_; }
  /// What read() found that is accepted, but likely not what its author meant.
  const std::vector<Problem>& warnings() const noexcept { return warnings_; }

  /// Fields of the items that are kept and change nothing.
  const std::vector<std::string>& metadata_names() const noexcept { return metadata_names_; }

 private:
  void keep_part(requests::ItemList& items);
  requests::PromptList read_file();
  requests::PromptList read_items();
  void read_item(const configs::YamlNode& node, std::size_t index, requests::ListBuilder& builder);
  void check_sizes(const requests::PromptList& list, const CheckRequest& check_request);
  void look_at_files(configs::MapReader reader, configs::FieldValues& values);
  void refuse_lacking_fields(const configs::YamlNode* section, const std::string& path);
  void place(Problem& problem, const requests::SizedItem& size, const requests::Item& item);
  const configs::YamlNode* value_at_fault(const std::string& field, const requests::SizedItem& size,
                                          requests::TextPlace own);

  configs::MapReader reader_;
  const ManifestSource& source_;
  requests::ItemDefaults defaults_;
  std::optional<requests::Shard> shard_;
  std::vector<Problem> warnings_;
  std::vector<std::string> metadata_names_;
  std::string list_file_;  ///< names the items' places in problems
};

/// `output:` of a manifest; problems go to the reader. `lacking`: outputs of other models.
results::OutputConfig read_output(configs::MapReader output, const ManifestSource& source,
                                  const std::set<std::string, std::less<>>& lacking);

}  // namespace ditmill::jobs::plan
