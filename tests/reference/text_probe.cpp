// text_probe clean, text_probe ids SPIECE_MODEL MAX_TOKENS: answers each line of standard input, a JSON
// string, with a line: the cleaned text, or the ids of the text as it is.
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "models/text/clean.h"
#include "models/tokenizers/sentencepiece.h"

namespace {

using nlohmann::json;

template <typename Answer>
void answer_lines(const Answer& answer) {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << json(answer(json::parse(line).get<std::string>())).dump() << '\n';
  }
}

int run(int argc, char** argv) {
  if (argc == 2 && argv[1] == std::string("clean")) {
    answer_lines([](const std::string& text) { return ditmill::models::clean_prompt(text); });
    return 0;
  }
  if (argc == 4 && argv[1] == std::string("ids")) {
    std::ifstream file(argv[2], std::ios::binary);
    const ditmill::models::SentencePieceTokenizer tokenizer({std::istreambuf_iterator<char>(file), {}});
    const int most = std::stoi(argv[3]);
    answer_lines([&](const std::string& text) { return tokenizer.encode(text, most); });
    return 0;
  }
  std::cerr << "usage: text_probe clean | ids SPIECE_MODEL MAX_TOKENS\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
