#include "dist/weights/alarm.h"

#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

namespace ditmill::dist {
namespace {

constexpr int alarm_tag = 3;

}  // namespace

void Alarm::ring() const {
  std::vector<std::byte> bytes(sizeof number_);
  std::memcpy(bytes.data(), &number_, sizeof number_);
  for (int rank = 0; rank < comm_->size(); ++rank) {
    if (rank != comm_->rank()) comm_->post(bytes, rank, alarm_tag, Purpose::agreement);
  }
}

bool Alarm::rung() {
  while (!rung_) {
    const std::optional<Message> message = comm_->try_receive(-1, alarm_tag, Purpose::agreement);
    if (!message) break;
    int number = 0;
    if (message->bytes.size() == sizeof number) std::memcpy(&number, message->bytes.data(), sizeof number);
    rung_ = number == number_;
  }
  return rung_;
}

}  // namespace ditmill::dist
