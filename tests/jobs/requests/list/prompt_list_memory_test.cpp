// In a program of its own: it counts what the global operator new hands out.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <new>

#include "jobs/requests/list/prompt_list.h"
#include "tests/jobs/temp_folder.h"

namespace {

std::atomic<std::size_t> live{0};
std::atomic<std::size_t> peak{0};

void* counted(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc{};
  const std::size_t now = live += malloc_usable_size(memory);
  std::size_t before = peak;
  while (now > before && !peak.compare_exchange_weak(before, now)) {
  }
  return memory;
}

void uncounted(void* memory) noexcept {
  if (memory != nullptr) live -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { uncounted(memory); }
void operator delete[](void* memory) noexcept { uncounted(memory); }
void operator delete(void* memory, std::size_t) noexcept { uncounted(memory); }
void operator delete[](void* memory, std::size_t) noexcept { uncounted(memory); }

namespace ditmill::jobs::requests {
namespace {

TEST(LongList, IsReadInLittleMoreThanItsItemsTake) {
  constexpr std::size_t lines = 200'000;
  const tests::TempFolder folder;
  std::uintmax_t file_bytes = 0;
  {
    std::ofstream out{folder / "list.jsonl"};
    for (std::size_t i = 0; i < lines; ++i) {
      out << R"({"prompt": "a photograph of cat number )" << i << R"(, asleep in the sun", "seed": )" << i
          << R"(, "source": {"row": )" << i << "}}\n";
    }
    file_bytes = static_cast<std::uintmax_t>(out.tellp());
  }
  const std::size_t before = live;
  peak = before;
  std::vector<Problem> problems;
  const auto source = registry::open_file(folder / "list.jsonl");
  const PromptList list = read_prompt_list(*source, ListFormat::json_lines, {}, problems);
  EXPECT_TRUE(problems.empty());
  ASSERT_EQ(list.items.size(), lines);
  const std::size_t kept = live - before;
  // The items, their texts, a place each, and a growing array's half of slack: no tree of JSON, no string
  // each.
  const std::size_t each = sizeof(PackedItem) + sizeof(TextPlace);
  EXPECT_LT(kept, 2 * lines * each + file_bytes);
  // While the array grows, the old and the new one are there.
  EXPECT_LT(peak - before, 3 * lines * each + file_bytes);
}

}  // namespace
}  // namespace ditmill::jobs::requests
