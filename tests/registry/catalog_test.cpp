#include "registry/identity/catalog.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>

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

std::string replaced(const std::string& from, const std::string& to) {
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

TEST(Catalog, TakesWhatJsonHasNoNumberForAsText) {
  for (const char* text : {"nan(1)", "1e999", "-inf", "0x10"}) {
    Catalog catalog = Catalog::built_in();
    catalog.add_text(replaced("eps: 1.5", std::string{"eps: "} + text), "mine.yaml");
    EXPECT_EQ(catalog.named("mine")->hyper_parameters.at("eps"), text);
  }
}

TEST(Catalog, HoldsTheKnownWeights) {
  const Catalog catalog = Catalog::built_in();
  EXPECT_EQ(catalog.with_hash("b0a133b5687c7d054175e5bfa66ef5fd").at(0)->name, "wan2.1-t2v-1.3b");
  EXPECT_EQ(catalog.with_hash("cb104773c6c2cb6df4f9529ad5c60d0b").size(), 3U)
      << "Wan2.1 14B and both experts of 2.2";
  for (const CatalogEntry& entry : catalog.entries()) {
    const std::set<std::string> runs{"wan2.2-t2v-a14b-high", "wan2.2-t2v-a14b-low", "wan2.2-i2v-a14b-high",
                                     "wan2.2-i2v-a14b-low", "wan2.2-ti2v-5b"};
    EXPECT_EQ(entry.name.starts_with("wan2.2") && !entry.preset.empty(), runs.contains(entry.name))
        << entry.name;
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
      {"short digest", replaced("preset:", "sha256: abc\n  preset:"), 7, 11,
       "64 lower-case hexadecimal digits"},
      {"digest of something else", replaced("preset:", "sha256: [\"md5:0\"]\n  preset:"), 7, 11, "md5:0"},
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

TEST(Catalog, ReadsArchitectures) {
  Catalog catalog;
  catalog.add_text(
      "architectures:\n- name: arch\n  family: f\n  role: sr\n  tensors: {\"b.{n}.w\": [2*m]}\n"
      "  when: {extra: {\"x.{w,v}\": [extra]}}\n"
      "  layouts:\n  - {layout: diffusers, marks: [b.0.w]}\n"
      "  - {layout: official, marks: [c.0.w], names: {\"c.{n}\": \"b.{n}\", old: ~}}\n"
      "entries: []\n",
      "l.yaml");
  ASSERT_EQ(catalog.layouts().size(), 2U);
  const auto names = [&](std::size_t i, const nlohmann::json& hyper_parameters) {
    std::vector<std::string> names;
    const auto expected = expand(catalog.layouts()[i], hyper_parameters);
    EXPECT_TRUE(expected);
    if (expected) std::ranges::transform(*expected, std::back_inserter(names), &ExpectedTensor::name);
    return names;
  };
  EXPECT_THAT(names(0, {{"n", 2}, {"m", 3}}), testing::ElementsAre("b.0.w", "b.1.w"));
  EXPECT_THAT(names(1, {{"n", 1}, {"m", 3}, {"extra", 7}}), testing::ElementsAre("c.0.w", "x.v", "x.w"));
}

// What the build makes of the files has to be what they say.
TEST(Catalog, HoldsWhatItsFilesSay) {
  const Catalog built_in = Catalog::built_in();
  Catalog read;
  for (const auto& file : std::filesystem::directory_iterator{DITMILL_CATALOG_FOLDER}) {
    if (file.path().extension() == ".yaml") read.add_file(file.path().string());
  }
  ASSERT_EQ(read.entries().size(), built_in.entries().size());
  for (const CatalogEntry& entry : read.entries()) {
    SCOPED_TRACE(entry.source);
    const auto same = std::ranges::find_if(built_in.entries(), [&](const CatalogEntry& other) {
      return other.name == entry.name && other.layout == entry.layout;
    });
    ASSERT_NE(same, built_in.entries().end());
    const auto row = [](const CatalogEntry& each) {
      return std::tuple{each.family,         each.role,        each.architecture,     each.key_hash,
                        each.key_hash_names, each.preset,      each.hyper_parameters, each.expert_folders,
                        each.words,          each.parameters,  each.origin,           each.defect,
                        each.place.line,     each.place.column};
    };
    EXPECT_EQ(row(*same), row(entry));
    const Layout* read_layout = read.layout_of(entry);
    const Layout* layout = built_in.layout_of(*same);
    ASSERT_EQ(read_layout == nullptr, layout == nullptr);
    if (layout == nullptr) continue;
    const auto expected = expand(*layout, entry.hyper_parameters).value();
    const auto read_expected = expand(*read_layout, entry.hyper_parameters).value();
    ASSERT_EQ(expected.size(), read_expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(expected[i].name, read_expected[i].name);
      EXPECT_EQ(expected[i].shape, read_expected[i].shape);
      EXPECT_EQ(layer_name(expected[i].name, layout->pairs),
                layer_name(expected[i].name, read_layout->pairs));
    }
  }
}

TEST(Catalog, HoldsEveryHashOfTeleFusersRegistry) {
  // In the order of its registry (facts of 2026-07, commit 5a12f03).
  constexpr std::array hashes{"9269f8db9040a9d860eaca435be61814", "aafcfd9672c3a2456dc46e1cb6e52c70",
                              "6bfcfb3b342cb286ce886889d519a77e", "3ef3b1f8e1dab83d5b71fd7b617f859f",
                              "b3aba5f6fddb5e117640e751591db89f", "b61c605c2adbd23124d152ed28e049ae",
                              "cb104773c6c2cb6df4f9529ad5c60d0b", "7cf3a086b49216bded0728ce78d59687",
                              "5b013604280dd715f8457c6ed6d6a626", "4cf556355bc7e9b6545b38f4930f60b1",
                              "47dbeab5e560db3180adf51dc0232fb1", "9d0240d8e7650a9ec65b2b617cc9c357",
                              "1f5ab7703c6fc803fdded85ff040c316", "8b27900f680d7251ce44e2dc8ae1ffef",
                              "ccc42284ea13e1ad04693284c7a09be6", "19560d299104e665df05de9a03074ed5",
                              "e9addbd0c9d54bc1827116b98e0dd1a0", "1378ea763357eea97acdef78e65d6d96",
                              "e1de6c02cdac79f8b739f4d3698cd216", "9c8818c2cbea55eca56c7b447df170da",
                              "5941c53e207d62f20f9025686193c40b", "4c3523c69fb7b24cf2db147a715b277f",
                              "0f889085aa6209c79f284d963d6cbe95", "ed4ea5824d55ec3107b09815e318123a",
                              "8004730443f55db63092006dd9f7110e", "0319a1cb19835fb510907dd3367c95ff",
                              "7a32c4aa3de140d48a5899ca505944b9", "91d733b509142990a1a1bfa1516a0de0",
                              "b2c3d4e5f678901234567890123456a7", "fc3a8a1247fe185ce116ccbe0e426c28",
                              "0f050f62a88876fea6eae0a18dac5a2e", "39c6fc48f07bebecedbbaa971ff466c8",
                              "f3a83ecf3995dcc4fae2d27e08ad5767", "33917f31c4a79196171154cca39f165e",
                              "aed408774d694a2452f69936c32febb5", "99c7bbedc6dd6c4824799e4f999fee0a",
                              "2bcf511fe5e0000519394d242b4d8abd", "65b83aa625cd362ff5ff3409fb367a6f",
                              "d93074599b84fa126cbc6fb8bf61ea6e", "47ac734bfc54bc2f75ff43e8e016588d"};
  const Catalog catalog = Catalog::built_in();
  for (const char* hash : hashes) EXPECT_FALSE(catalog.with_hash(hash).empty()) << hash;
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

/// A catalog of an architecture with these tensors and layouts.
std::string architecture_of(const std::string& tensors, const std::string& layouts) {
  return "architectures:\n- {name: a, family: f, role: sr, tensors: {" + tensors + "}, layouts: [" + layouts +
         "]}\n";
}

std::string times(std::size_t count, const std::string& text) {
  std::string many;
  for (std::size_t i = 0; i < count; ++i) many += text;
  return many;
}

// Whatever a short text says, it neither fills memory nor takes long.
TEST(Catalog, RefusesTextsThatStandForTooMuch) {
  const std::string layout = "{layout: official, marks: [a]}";
  const auto rule = [](const std::string& from) {
    return "layouts:\n- {family: f, role: sr, layout: official, marks: [a], names: [{from: '" + from +
           "', to: b}]}\n";
  };
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += "\"t" + std::to_string(i) + times(3, ".{0,1,2,3,4,5,6,7,8}") + "\": [1], ";
  }
  const struct {
    const char* name;
    std::string text;
    const char* words;
  } rows[] = {
      {"lists in one name", architecture_of("\"" + times(20, "{q,k}") + "\": [1]", layout), "malformed"},
      {"a long name",
       architecture_of("a: [1]", "{layout: official, marks: [\"" + times(400, "{q,k}") + "\"]}"),
       "malformed"},
      {"tensors of a layout", architecture_of(many, layout), "at most 10000"},
      {"dimensions", architecture_of("a: [1, 1, 1, 1, 1, 1, 1, 1, 1]", layout), "at most 8 sizes"},
      {"a long size", architecture_of("a: [" + times(60, "n*") + "n]", layout), "the size is malformed"},
      {"a layout twice", architecture_of("a: [1]", layout + ", " + layout), "has this layout already"},
      {"a long expression", rule(times(300, "x")), "at most 256 bytes"},
      {"a large expression", rule("(a{50}){50}"), "nothing in it more than 100 times"},
      {"a reference back", rule("(a)\\1"), "without references back"},
      {"a reference back to more than can be counted", rule("(a)\\" + std::string(40, '1')),
       "without references back"},
      {"control characters", "- {\"\\e[31m\": 1}\n", "\\x1b[31m"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    Catalog catalog;
    try {
      catalog.add_text(row.text, "l.yaml");
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(row.words));
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
