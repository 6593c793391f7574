#include "registry/identity/catalog.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/jobs/temp_folder.h"

namespace ditmill::registry {
namespace {

using testing::HasSubstr;

const std::string good =
    "- name: mine\n"                                         // 1
    "  family: wan\n"                                        // 2
    "  role: dit\n"                                          // 3
    "  layout: diffusers\n"                                  // 4
    "  key_hash: 00000000000000000000000000000001\n"         // 5
    "  key_hash_names: 0123456789abcdef0123456789abcdef\n"   // 6
    "  preset: wan2.1-t2v-1.3b\n"                            // 7
    "  hyper_parameters: {heads: 3, eps: 1.5, on: true}\n";  // 8

std::string replaced(std::string from, const std::string& to) {
  std::string text = good;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Catalog, ReadsAUsersEntries) {
  Catalog catalog = Catalog::built_in();
  catalog.add_text(good, "mine.yaml");
  const auto found = catalog.with_hash("00000000000000000000000000000001");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]->name, "mine");
  EXPECT_EQ(found[0]->preset, "wan2.1-t2v-1.3b");
  EXPECT_EQ(found[0]->source, "mine.yaml:1");
  EXPECT_EQ(found[0]->hyper_parameters, (nlohmann::json{{"heads", 3}, {"eps", 1.5}, {"on", true}}));
}

TEST(Catalog, HoldsTheKnownWeights) {
  const Catalog catalog = Catalog::built_in();
  EXPECT_EQ(catalog.with_hash("b0a133b5687c7d054175e5bfa66ef5fd").at(0)->name, "wan2.1-t2v-1.3b");
  EXPECT_EQ(catalog.with_hash("cb104773c6c2cb6df4f9529ad5c60d0b").size(), 3U)
      << "Wan2.1 14B and both experts of 2.2";
  for (const CatalogEntry& entry : catalog.entries()) {
    EXPECT_EQ(entry.name.starts_with("wan2.2") && !entry.preset.empty(), false)
        << "this version cannot run it";
  }
}

TEST(Catalog, UsersEntriesHideThoseCompiledIn) {
  Catalog catalog = Catalog::built_in();
  catalog.add_text(replaced("00000000000000000000000000000001", "cb104773c6c2cb6df4f9529ad5c60d0b"),
                   "mine.yaml");
  const auto found = catalog.with_hash("cb104773c6c2cb6df4f9529ad5c60d0b");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]->name, "mine");
}

TEST(Catalog, RefusesWithPlaceAndWords) {
  const std::string digits = "00000000000000000000000000000001";
  const struct {
    const char* name;
    std::string text;
    int line;
    int column;
    const char* words;
  } rows[] = {
      {"unknown key", replaced("preset:", "pre_set:"), 7, 3, "did you mean preset"},
      {"unknown role", replaced("role: dit", "role: dot"), 3, 9, "did you mean dit"},
      {"unknown layout", replaced("layout: diffusers", "layout: diffuser"), 4, 11, "did you mean diffusers"},
      {"short hash", replaced(digits, "abc"), 5, 13, "32 lower-case hexadecimal digits"},
      {"upper-case hash", replaced(digits, "ABCDEF00000000000000000000000000"), 5, 13, "lower-case"},
      {"hash is missing", replaced("  key_hash: " + digits + "\n", ""), 1, 3, "key_hash is missing"},
      {"name is missing", replaced("name: mine\n  ", ""), 1, 3, "name is missing"},
      {"name with a space", replaced("mine", "my model"), 1, 9, "'my model'"},
      {"name is a list", replaced("mine", "[mine]"), 1, 9, "entries.0.name"},
      {"hyper_parameters is a list", replaced("{heads: 3, eps: 1.5, on: true}", "[3]"), 8, 21, "a mapping"},
      {"name twice", good + good, 9, 9, "taken by the entry at mine.yaml:1"},
      {"name of a known entry", replaced("mine", "wan2.1-vae"), 1, 9,
       "taken by the entry at registry/catalog/wan.yaml"},
      {"not a list", "just words\n", 1, 1, "a list of entries"},
      {"a list of words", "- word\n", 1, 3, "entries.0"},
      {"an anchor", "- &a {name: x}\n", 1, 3, "anchor"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    Catalog catalog = Catalog::built_in();
    const std::size_t before = catalog.entries().size();
    try {
      catalog.add_text(row.text, "mine.yaml");
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::usage);
      EXPECT_THAT(error.what(),
                  HasSubstr("mine.yaml:" + std::to_string(row.line) + ":" + std::to_string(row.column)));
      EXPECT_THAT(error.what(), HasSubstr(row.words));
      EXPECT_EQ(catalog.entries().size(), before) << "an entry of a wrong file stayed";
    }
  }
}

TEST(Catalog, ReportsAllProblemsTogether) {
  Catalog catalog = Catalog::built_in();
  try {
    catalog.add_text(replaced("role: dit", "role: dot") + replaced("layout: diffusers", "layout: x"),
                     "mine.yaml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 3U) << error.what();  // the role, the layout, the name twice
  }
}

TEST(Catalog, ReadsLayouts) {
  Catalog catalog;
  catalog.add_text(
      "layouts:\n- family: f\n  role: sr\n  layout: official\n  marks: [a.w]\n  tensors: {\"a.w\": [2*n, "
      "m]}\n"
      "entries: []\n",
      "l.yaml");
  ASSERT_EQ(catalog.layouts().size(), 1U);
  EXPECT_EQ(catalog.layouts()[0].tensors.at(0).shape.at(0).factor, 2U);
}

TEST(Catalog, RefusesWrongLayouts) {
  const std::pair<const char*, const char*> rows[] = {
      {"layouts:\n- {family: f, role: sr, layout: official, marks: [\"a{\"]}\n", "malformed"},
      {"layouts:\n- {family: f, role: sr, layout: official, marks: []}\n", "marks is missing"},
      {"layouts:\n- {family: f, role: sr, layout: official, marks: [a], tensors: {\"a\": [n+1]}}\n", "n+1"},
      {"layouts:\n- {family: f, role: sr, layout: official, marks: [a], tensors: {\"a{x\": [1]}}\n",
       "malformed"},
      {"layout: []\n", "did you mean layouts"},
  };
  for (const auto& [text, words] : rows) {
    Catalog catalog;
    try {
      catalog.add_text(text, "l.yaml");
      ADD_FAILURE() << "accepted " << text;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  }
}

TEST(Catalog, ReadsFiles) {
  const tests::TempFolder folder;
  Catalog catalog;
  catalog.add_file(folder.write("mine.yaml", good));
  EXPECT_NE(catalog.named("mine"), nullptr);
  EXPECT_THROW(catalog.add_file(folder / "missing.yaml"), Error);
}

}  // namespace
}  // namespace ditmill::registry
