#include "dist/weights/marks.h"

#include <cstddef>
#include <string>
#include <utility>

namespace ditmill::dist {

std::vector<bool> marked_anywhere(const Communicator& comm, const std::vector<bool>& mine) {
  std::string marks;
  for (const bool mark : mine) marks += mark ? '1' : '0';
  for (const std::string& others : comm.gather_text(marks, 0, Purpose::weights)) {
    for (std::size_t i = 0; i < others.size(); ++i) {
      if (others[i] == '1') marks[i] = '1';
    }
  }
  marks = comm.broadcast_text(std::move(marks), 0, Purpose::weights);
  std::vector<bool> marked;
  for (const char mark : marks) marked.push_back(mark == '1');
  return marked;
}

}  // namespace ditmill::dist
