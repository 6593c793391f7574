// replay FOLDER...: hands every file of the folders to a fuzz target, in a build without libFuzzer.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
      std::ifstream file{entry.path(), std::ios::binary};
      const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
      ditmill::fuzz::one_input(std::as_bytes(std::span{bytes}));
      ++count;
    }
  }
  std::cout << count << " files replayed\n";
  return count > 0 ? 0 : 1;
}
