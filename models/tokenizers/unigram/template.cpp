#include "models/tokenizers/unigram/template.h"

#include <string>

namespace ditmill::models {

TokenTemplate read_template(const JsonField& description) {
  const JsonField type = description.at("type");
  if (type.text() != "TemplateProcessing") type.unsupported("TemplateProcessing");
  const JsonField tokens = description.at("special_tokens");
  const JsonField single = description.at("single");
  TokenTemplate made;
  int texts = 0;
  for (const JsonField& piece : single.elements()) {
    if (const auto sequence = piece.find("Sequence")) {
      const JsonField id = sequence->at("id");
      if (id.text() != "A") id.unsupported("\"A\", the only text there is");
      ++texts;
      continue;
    }
    const JsonField token = tokens.at(piece.at("SpecialToken").at("id").text());
    for (const JsonField& id : token.at("ids").elements()) {
      (texts == 0 ? made.before : made.behind).push_back(id.id());
    }
  }
  if (texts != 1) single.unsupported("a template that uses its text once");
  return made;
}

}  // namespace ditmill::models
