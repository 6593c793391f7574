// Prints what the readers say of the headers of files, a line of JSON each, for tests in Python: safetensors
// by the suffix, else files of torch.save. Counts every allocation, so it is a program of its own.
// --diffusers: what diffusers takes headers for, read from standard input: {tensors: {name: shape}, zero:
// null or whether values are}, a line each. --diffusers-tables: the tables of keys and types.
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "registry/formats/safetensors.h"
#include "registry/formats/torch/pth.h"
#include "registry/identity/diffusers/cascade.h"
#include "registry/identity/diffusers/checkpoint_keys.h"
#include "registry/identity/diffusers/corrections.h"
#include "tests/support/allocation_peak.h"

namespace ditmill::registry {
namespace {

nlohmann::json described(const std::vector<TensorInfo>& tensors) {
  nlohmann::json list = nlohmann::json::array();
  for (const TensorInfo& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"dtype", name(tensor.type)},
                    {"shape", tensor.shape},
                    {"strides", tensor.strides},
                    {"begin", tensor.begin},
                    {"end", tensor.end}});
  }
  return list;
}

nlohmann::json probe(const std::string& path) {
  const std::unique_ptr<ByteSource> source = open_file(path);
  const tests::AllocationPeak peak;
  try {
    if (path.ends_with(".safetensors")) {
      const SafetensorsHeader header = read_safetensors_header(*source);
      const std::size_t taken = peak.bytes();
      return {{"tensors", described(header.tensors)}, {"header_bytes", header.header_bytes}, {"peak", taken}};
    }
    const PthHeader header = read_pth_header(*source);
    const std::size_t taken = peak.bytes();
    return {{"tensors", described(header.tensors)},
            {"others", header.others},
            {"key_hash", header.key_hash},
            {"key_hash_names", header.key_hash_names},
            {"nested", header.nested},
            {"header_bytes", header.header_bytes},
            {"peak", taken}};
  } catch (const Error& error) {
    const std::size_t taken = peak.bytes();
    return {{"error", error.what()}, {"category", ditmill::name(error.category())}, {"peak", taken}};
  }
}

nlohmann::json taken_for(const nlohmann::json& header) {
  const auto tensors = header.at("tensors").get<std::map<std::string, std::vector<std::uint64_t>>>();
  std::vector<NamedShape> shapes;
  for (const auto& [name, shape] : tensors) shapes.push_back({name, shape});
  const ShapeTable table{shapes};
  AllZero reads;
  if (const nlohmann::json& zero = header.at("zero"); !zero.is_null())
    reads = [answer = zero.get<bool>()](std::string_view) { return answer; };
  nlohmann::json answer = nlohmann::json::object();
  try {
    for (const DiffusersType* type : diffusers_type(table, "header", reads))
      answer["types"].push_back(type->name);
  } catch (const Error& error) {
    answer = {{"error", error.what()}, {"category", ditmill::name(error.category())}};
  }
  if (const std::optional<CorrectedType> corrected = corrected_type(table, "header")) {
    answer["corrected"] = {{"family", corrected->family}, {"role", corrected->role}};
    for (const DiffusersType* type : corrected->types) answer["corrected"]["types"].push_back(type->name);
  }
  return answer;
}

nlohmann::json diffusers_tables() {
  nlohmann::json tables;
  for (const cascade::CheckpointKeys& row : cascade::checkpoint_keys)
    tables["keys"][std::string{row.id}] =
        std::vector<std::string_view>{row.names().begin(), row.names().end()};
  for (const DiffusersType& type : diffusers_types()) {
    nlohmann::json components = nlohmann::json::object();
    for (const DiffusersPart& part : type.parts) components[std::string{part.name}] = part.subfolder;
    tables["types"][std::string{type.name}] = {{"repo", type.repo},         {"subfolder", type.subfolder},
                                               {"pipeline", type.pipeline}, {"family", type.family},
                                               {"role", type.role},         {"components", components}};
  }
  return tables;
}

}  // namespace
}  // namespace ditmill::registry

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view{argv[1]} == "--diffusers-tables") {
    std::cout << ditmill::registry::diffusers_tables().dump() << std::endl;
    return 0;
  }
  if (argc == 2 && std::string_view{argv[1]} == "--diffusers") {
    for (std::string line; std::getline(std::cin, line);)
      std::cout << ditmill::registry::taken_for(nlohmann::json::parse(line)).dump() << "\n";
    return 0;
  }
  for (int i = 1; i < argc; ++i) std::cout << ditmill::registry::probe(argv[i]).dump() << std::endl;
  return 0;
}
