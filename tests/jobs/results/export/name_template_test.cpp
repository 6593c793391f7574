#include "jobs/results/export/name_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "configs/error.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::HasSubstr;

std::string name(const std::string& name_template, const std::map<std::string, std::string>& fields) {
  return NameTemplate(name_template)
      .of([&](std::string_view field) { return fields.at(std::string{field}); })
      .text;
}

TEST(NameTemplate, PutsFieldsInAndCutsThemToWholeCharacters) {
  const std::map<std::string, std::string> item{
      {"id", "a-s1"}, {"prompt", "Ünïcödé ☕☕☕ cat"}, {"metadata.list", "B"}};
  EXPECT_EQ(name("{id}", item), "a-s1");
  EXPECT_EQ(name("{prompt:.9}-{id}", item), "Ünïcödé ☕-a-s1");
  EXPECT_EQ(name("{prompt:.400}", item), "Ünïcödé ☕☕☕ cat");
  EXPECT_EQ(name("{{{id:.1}}} {metadata.list}", item), "{a} B");
}

TEST(NameTemplate, MakesNamesThatFileSystemsTake) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a/b\\c:d*e?f\"g<h>i|j", "a_b_c_d_e_f_g_h_i_j"},
      {"line\nand\ttab", "line and tab"},
      {std::string("nul\0bell\a", 9), "nul_bell_"},
      {"..", ""},
      {"../up", "_._up"},
      {".hidden", "_hidden"},
      {"--option", "_-option"},
      {"  in the end. . ", "in the end"},
      {"con", "_con"},
      {"Lpt1.txt", "_Lpt1.txt"},
      {"console", "console"},
      {"right\u202Eto left", "right_to left"},
  };
  for (const auto& [prompt, expected] : cases) {
    EXPECT_EQ(name("{prompt}", {{"prompt", prompt}}), expected) << prompt;
  }
}

TEST(NameTemplate, ShortensTextsSoThatTheRestStaysWhole) {
  std::string coffee;
  for (int i = 0; i < 100; ++i) coffee += "☕";
  const NameTemplate both("{prompt}+{negative_prompt}-{id}");
  const NameTemplate::Name made = both.of([&](std::string_view field) {
    return field == "prompt" ? coffee : field == "id" ? std::string(128, 'i') : std::string(200, 'n');
  });
  EXPECT_TRUE(made.shortened);
  EXPECT_LE(made.text.size(), 247U);
  EXPECT_GT(made.text.size(), 240U);
  EXPECT_THAT(made.text, ::testing::MatchesRegex("(☕)+[+]n+-i+"));
  EXPECT_THAT(made.text, ::testing::EndsWith("-" + std::string(128, 'i')));
}

TEST(NameTemplate, RefusesWhatIsNoTemplate) {
  for (const auto& [text, words] :
       std::vector<std::pair<std::string, std::string>>{{"{promtp}", "did you mean {prompt}?"},
                                                        {"{metadata.}", "metadata.NAME"},
                                                        {"{id", "{FIELD}"},
                                                        {"{id{seed}}", "{FIELD}"},
                                                        {"}", "{FIELD}"},
                                                        {"{id:40}", "{id:.N}"},
                                                        {"{id:.0}", "{id:.N}"},
                                                        {"{id:.x}", "{id:.N}"},
                                                        {"../{id}", "folders"},
                                                        {"a:{id}", "characters of a file name"},
                                                        {std::string(300, 'x'), "247 bytes"}}) {
    try {
      const NameTemplate read(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::usage);
      EXPECT_THAT(error.what(), HasSubstr(words)) << text;
    }
  }
}

}  // namespace
}  // namespace ditmill::jobs::results
