// text_probe clean, text_probe ids TOKENIZER MAX_TOKENS, text_probe padded TOKENIZER TOKENS: answers each
// line of standard input, a JSON string, with a line: the cleaned text, the ids of the text as it is, or its
// padded ids and attention mask. TOKENIZER is a spiece.model or a tokenizer.json.
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "models/text/clean.h"
#include "models/tokenizers/read_tokenizer.h"

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
  const std::string command = argc == 4 ? argv[1] : "";
  if (command == "ids" || command == "padded") {
    std::ifstream file(argv[2], std::ios::binary);
    const auto tokenizer = ditmill::models::make_tokenizer({std::istreambuf_iterator<char>(file), {}});
    const int most = std::stoi(argv[3]);
    if (command == "ids") {
      answer_lines([&](const std::string& text) { return tokenizer->encode(text, most); });
      return 0;
    }
    answer_lines([&](const std::string& text) {
      const auto padded = ditmill::models::pad(tokenizer->encode(text, most), most, tokenizer->pad_id());
      return json{{"ids", padded.ids}, {"mask", padded.attention_mask}};
    });
    return 0;
  }
  std::cerr << "usage: text_probe clean | ids TOKENIZER MAX_TOKENS | padded TOKENIZER TOKENS\n";
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
