#include "jobs/requests/list/yaml_record.h"

#include <algorithm>
#include <span>
#include <string>

#include "configs/request.h"
#include "configs/utf8.h"
#include "configs/yaml_cure.h"
#include "jobs/requests/text/odd_prompts.h"

namespace ditmill::jobs::requests {

using configs::YamlNode;

YamlNode as_record(const YamlNode& item) {
  const std::span<const std::string> known = configs::request_field_names();
  YamlNode record = item;
  std::erase_if(record.entries, [known](const auto& entry) {
    const auto& [key, value] = entry;
    const bool is_text = key.text == "prompt" || key.text == "id";
    const bool missing = !value.quoted && !is_text && (value.text == ".nan" || is_missing_word(value.text));
    return (value.kind == YamlNode::Kind::null || missing) && !value.reported &&
           std::find(known.begin(), known.end(), key.text) != known.end();
  });
  for (auto& [key, value] : record.entries) {
    if (value.quoted || !configs::is_whole_field(key.text)) continue;
    const std::size_t point = value.text.find('.');
    if (point == std::string::npos || point == 0 || point + 1 == value.text.size()) continue;
    if (value.text.find_first_not_of('0', point + 1) == std::string::npos) value.text.erase(point);
  }
  return record;
}

bool CutTexts::cut(const YamlNode* node) {
  if (node == nullptr || node->kind != YamlNode::Kind::scalar || node->quoted || !node->origin.empty())
    return false;
  while (line_ < node->line && begin_ < text_.size()) {
    begin_ = std::min(text_.find('\n', begin_), text_.size() - 1) + 1;
    ++line_;
  }
  if (line_ != node->line) return false;
  const std::string_view line = text_.substr(begin_, text_.find('\n', begin_) - begin_);
  std::size_t offset = 0;
  for (int column = 1; column < node->column && offset < line.size(); ++column) {
    offset += utf8::decode(line.substr(offset)).length;
  }
  return configs::comment_after(line, offset, node->text) > 0;
}

}  // namespace ditmill::jobs::requests
