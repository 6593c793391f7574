#include "jobs/engine/items/protocol.h"

#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "configs/choice.h"
#include "configs/dump.h"
#include "dist/comm/agree.h"

namespace ditmill::jobs::engine {
namespace {

constexpr int coordinator_rank = 0;
constexpr int to_coordinator = 1;
constexpr int to_group = 2;

using Kind = GroupMessage::Kind;
constexpr std::array<configs::Choice<Kind>, 7> kinds{{{"ask", Kind::ask},
                                                      {"done", Kind::done},
                                                      {"failed", Kind::failed},
                                                      {"late", Kind::late},
                                                      {"fatal", Kind::fatal},
                                                      {"leave", Kind::leave},
                                                      {"drop", Kind::drop}}};

std::vector<std::byte> pack(const nlohmann::json& json) {
  const std::vector<std::uint8_t> packed = nlohmann::json::to_cbor(json);
  const auto bytes = std::as_bytes(std::span{packed});
  return {bytes.begin(), bytes.end()};
}

nlohmann::json unpack(const dist::Message& message) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(message.bytes.data());
  return nlohmann::json::from_cbor(data, data + message.bytes.size());
}

Kind kind_named(std::string_view word) {
  if (const std::optional<Kind> kind = configs::value_of<Kind>(kinds, word)) return *kind;
  throw Error{Category::internal, "read a group's message", {}, {}, Got{std::string{word}}};
}

nlohmann::json work_to_json(const WorkItem& work) {
  return {{"request", configs::dump_layer3(work.item.request)},
          {"metadata", work.item.metadata},
          {"key", work.item.key},
          {"attempt", work.attempt},
          {"alone", work.alone}};
}

WorkItem work_from_json(const nlohmann::json& json) {
  WorkItem work;
  work.item.request = requests::request_from_json(json.at("request"));
  work.item.metadata = json.at("metadata").get<std::string>();
  work.item.key = json.at("key").get<std::string>();
  work.attempt = json.at("attempt").get<int>();
  work.alone = json.at("alone").get<bool>();
  return work;
}

}  // namespace

void send_to_coordinator(const dist::Communicator& comm, const GroupMessage& message) {
  nlohmann::json json{{"kind", configs::word_of(kinds, message.kind)}, {"items", message.items}};
  if (message.error) json["error"] = dist::to_text(*message.error);
  comm.post(pack(json), coordinator_rank, to_coordinator, dist::Purpose::items);
}

std::optional<std::pair<int, GroupMessage>> receive_from_groups(const dist::Communicator& comm) {
  const std::optional<dist::Message> arrived = comm.try_receive(-1, to_coordinator, dist::Purpose::items);
  if (!arrived) return std::nullopt;
  const nlohmann::json json = unpack(*arrived);
  GroupMessage message{.kind = kind_named(json.at("kind").get<std::string>()),
                       .items = json.at("items").get<std::size_t>()};
  if (json.contains("error")) message.error = dist::error_from_text(json.at("error").get<std::string>());
  return std::pair{arrived->from, std::move(message)};
}

std::string to_text(const Grant& grant) {
  nlohmann::json json{{"stop", grant.stop}, {"items", nlohmann::json::array()}};
  for (const WorkItem& work : grant.items) json["items"].push_back(work_to_json(work));
  std::string text;
  nlohmann::json::to_cbor(json, text);
  return text;
}

Grant grant_from_text(const std::string& text) {
  const nlohmann::json json = nlohmann::json::from_cbor(text);
  Grant grant{.stop = json.at("stop").get<bool>()};
  for (const nlohmann::json& work : json.at("items")) grant.items.push_back(work_from_json(work));
  return grant;
}

void send_grant(const dist::Communicator& comm, int rank, const Grant& grant) {
  const std::string text = to_text(grant);
  const auto bytes = std::as_bytes(std::span{text});
  comm.post({bytes.begin(), bytes.end()}, rank, to_group, dist::Purpose::items);
}

std::optional<Grant> receive_grant(const dist::Communicator& comm) {
  const std::optional<dist::Message> arrived =
      comm.try_receive(coordinator_rank, to_group, dist::Purpose::items);
  if (!arrived) return std::nullopt;
  return grant_from_text({reinterpret_cast<const char*>(arrived->bytes.data()), arrived->bytes.size()});
}

}  // namespace ditmill::jobs::engine
