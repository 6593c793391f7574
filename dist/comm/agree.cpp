#include "dist/comm/agree.h"

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "configs/list_text.h"

namespace ditmill::dist {
namespace {

using nlohmann::json;

constexpr std::size_t most_errors_told = 3;

Error with_rank(const Error& error, int rank) {
  Where where = error.where();
  where.rank = rank;
  return error.with({.where = std::move(where)});
}

std::string ranks_text(const std::vector<int>& ranks) {
  std::string text;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    std::size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    extend_list(text, std::to_string(ranks[i]));
    if (last > i) text += (last == i + 1 ? ", " : "-") + std::to_string(ranks[last]);
    i = last;
  }
  return (ranks.size() == 1 ? "rank " : "ranks ") + text;
}

/// Equal messages and the ranks that sent them, in the order of their lowest rank.
std::vector<std::pair<std::string, std::vector<int>>> distinct(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::vector<int>>> all;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    if (texts[rank].empty()) continue;
    const auto same =
        std::find_if(all.begin(), all.end(), [&](const auto& e) { return e.first == texts[rank]; });
    if (same == all.end()) {
      all.emplace_back(texts[rank], std::vector<int>{static_cast<int>(rank)});
    } else {
      same->second.push_back(static_cast<int>(rank));
    }
  }
  return all;
}

/// One error of those of all ranks ("" for a rank without one).
Error combined(const std::vector<std::string>& texts) {
  const auto all = distinct(texts);
  std::string others;
  const auto tell = [&others](const std::string& part) { extend_list(others, part, "; "); };
  const auto& [first, its_ranks] = all.front();
  if (its_ranks.size() > 1) tell("the same on " + ranks_text({its_ranks.begin() + 1, its_ranks.end()}));
  for (std::size_t i = 1; i < all.size() && i < most_errors_told; ++i) {
    tell("also, on " + ranks_text(all[i].second) + ": " + error_from_text(all[i].first).what());
  }
  if (all.size() > most_errors_told) tell("and " + std::to_string(all.size() - most_errors_told) + " more");
  const Error error = on_rank(error_from_text(first), its_ranks.front());
  if (others.empty()) return error;
  std::string hint = error.hint();
  extend_list(hint, others, "; ");
  return error.with({.hint = std::move(hint)});
}

}  // namespace

std::optional<Error> failure_of(const std::function<void()>& local) {
  try {
    local();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error{Category::memory, "allocate memory", {}, {}, Got{"the system has none left"}};
  } catch (const std::exception& error) {
    return Error{Category::internal, "an unexpected exception", {}, {}, Got{printable(error.what(), 2000)}};
  } catch (...) {
    return Error{Category::internal, "an unexpected exception", {}, {}, Got{"of unknown type"}};
  }
}

void agree(const Communicator& comm, const std::function<void()>& local) {
  agree_on(comm, failure_of(local));
}

void agree_on(const Communicator& comm, const std::optional<Error>& failure) {
  if (comm.size() == 1) {
    if (failure) throw AgreedError(*failure);
    return;
  }
  if (comm.max(failure ? 1 : 0, Purpose::agreement) == 0) return;
  std::string mine;
  if (failure) {
    // combined() says whose it is; without the rank, equal errors of several ranks are equal texts.
    const bool names_me = failure->where().rank == comm.rank();
    mine = to_text(names_me ? with_rank(*failure, -1) : *failure);
  }
  const std::vector<std::string> texts = comm.gather_text(mine, 0, Purpose::agreement);
  std::string agreed;
  if (comm.rank() == 0) agreed = to_text(combined(texts));
  throw AgreedError(error_from_text(comm.broadcast_text(std::move(agreed), 0, Purpose::agreement)));
}

Error on_rank(const Error& error, int rank) {
  return error.where().rank < 0 ? with_rank(error, rank) : error;
}

std::string to_text(const Error& error) {
  const Where& where = error.where();
  json problems = json::array();
  for (const Problem& p : error.problems()) {
    problems.push_back({p.file, p.line, p.column, p.message, p.expected, p.got, p.nearest});
  }
  const json value = {{"category", name(error.category())},
                      {"doing", error.doing()},
                      {"file", where.file},
                      {"offset", where.offset ? json(*where.offset) : json()},
                      {"line", where.line},
                      {"column", where.column},
                      {"key", where.key},
                      {"tensor", where.tensor},
                      {"item", where.item},
                      {"rank", where.rank},
                      {"expected", error.expected()},
                      {"got", error.got()},
                      {"hint", error.hint()},
                      {"problems", std::move(problems)}};
  // CBOR, because it keeps bytes that are not UTF-8: paths and foreign names may hold any.
  std::string text;
  json::to_cbor(value, text);
  return text;
}

Error error_from_text(const std::string& text) {
  try {
    const json value = json::from_cbor(text);
    std::vector<Problem> problems;
    for (const json& p : value.at("problems")) {
      problems.push_back({.file = p.at(0),
                          .line = p.at(1),
                          .column = p.at(2),
                          .message = p.at(3),
                          .expected = p.at(4),
                          .got = p.at(5),
                          .nearest = p.at(6)});
    }
    if (!problems.empty()) return Error(std::move(problems));
    const json& offset = value.at("offset");
    Where where{.file = value.at("file"),
                .offset = offset.is_null() ? std::nullopt : std::optional(offset.get<std::uint64_t>()),
                .line = value.at("line"),
                .column = value.at("column"),
                .key = value.at("key"),
                .tensor = value.at("tensor"),
                .item = value.at("item"),
                .rank = value.at("rank")};
    return {category_named(value.at("category").get<std::string>()),
            value.at("doing"),
            std::move(where),
            Expected{value.at("expected")},
            Got{value.at("got")},
            value.at("hint")};
  } catch (const json::exception& error) {
    return {Category::internal,
            "decode another rank's error",
            {},
            Expected{"what to_text() wrote"},
            Got{error.what()}};
  }
}

}  // namespace ditmill::dist
