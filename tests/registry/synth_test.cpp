#include "registry/tools/synth.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "configs/error.h"
#include "registry/identity/identify.h"
#include "registry/identity/model_folder.h"
#include "registry/tools/synth_plan.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

/// Releases, and the entries that none has.
std::set<std::string> all_names(const Catalog& catalog) {
  std::set<std::string> names;
  std::set<std::string> released;
  for (const FamilySlots& family : catalog.families()) {
    for (const Release& release : family.models) {
      names.insert(release.name);
      for (const auto& [slot, entry] : release.components) released.insert(entry);
    }
  }
  for (const CatalogEntry& entry : catalog.entries()) {
    if (!released.contains(entry.name) && catalog.layout_of(entry) != nullptr) names.insert(entry.name);
  }
  return names;
}

TEST(FamilySlots, NameEntriesThatThereAre) {
  const Catalog catalog = Catalog::built_in();
  for (const FamilySlots& family : catalog.families()) {
    for (const Slot& slot : family.slots) {
      for (const Accepted& accepted : slot.accepts)
        EXPECT_NE(catalog.architecture(accepted.architecture), nullptr) << accepted.architecture;
    }
    for (const Release& release : family.models) {
      for (const auto& [slot, entry] : release.components) {
        SCOPED_TRACE(release.name + " " + entry);
        ASSERT_NE(catalog.named(entry), nullptr);
        const Layout* layout = catalog.layout_of(*catalog.named(entry));
        ASSERT_NE(layout, nullptr);
        EXPECT_NE(family.slot(slot)->accepted(layout->architecture), nullptr);
      }
    }
  }
}

TEST(FamilySlots, ComeBackFromTheTextOfTheTables) {
  const Catalog catalog = Catalog::built_in();
  for (const FamilySlots& family : catalog.families())
    EXPECT_EQ(family_text(family_of_text(family_text(family))), family_text(family));
}

// What weights of that size are is known from their hash alone: holes in the place of values do.
TEST(Synth, FullAndSparseHasThePublishedHashOfEveryEntryWhoseTensorsAreStated) {
  const Catalog catalog = Catalog::built_in();
  std::set<std::string> hashes;
  for (const std::string& name : all_names(catalog)) {
    for (const char* layout : {"diffusers", "official"}) {
      SCOPED_TRACE(name + " " + layout);
      const tests::TempFolder folder;
      SynthPlan plan;
      try {
        plan = plan_synth(name, layout, false, catalog);
      } catch (const Error& error) {
        ASSERT_EQ(error.category(), Category::usage) << error.what();
        continue;  // not known in that layout
      }
      synthesize({.like = name, .out = folder / "model", .layout = layout, .tiny = false, .sparse = true},
                 catalog);
      std::set<std::string> wanted;
      std::set<std::string> found;
      for (const SynthComponent& component : plan.components) {
        // CLIP is known as Wan publishes it only.
        if (component.entry->layout == layout) wanted.insert(component.entry->key_hash);
      }
      std::vector<std::string> warnings;
      for (const ComponentPlace& place : find_components(folder / "model", catalog).components) {
        const Identity identity = open_component(place, catalog, {}, warnings).identity;
        if (identity.how == "catalog") found.insert(identity.key_hash);
      }
      EXPECT_EQ(found, wanted);
      hashes.insert(found.begin(), found.end());
    }
  }
  for (const CatalogEntry& entry : catalog.entries()) {
    EXPECT_TRUE(catalog.layout_of(entry) == nullptr || hashes.contains(entry.key_hash)) << entry.name;
  }
}

TEST(Synth, TinyIsRecognisedAndSmallForEveryEntryWhoseTensorsAreStated) {
  const Catalog catalog = Catalog::built_in();
  std::set<std::string> architectures;
  for (const std::string& name : all_names(catalog)) {
    for (const char* layout : {"diffusers", "official"}) {
      SynthPlan plan;
      try {
        plan = plan_synth(name, layout, true, catalog);
      } catch (const Error& error) {
        ASSERT_EQ(error.category(), Category::usage) << error.what();
        continue;  // not known in that layout
      }
      for (const SynthComponent& component : plan.components) {
        SCOPED_TRACE(name + " " + layout + " " + component.entry->name);
        std::vector<NamedShape> shapes;
        std::uint64_t elements = 0;
        for (const NewTensor& tensor : component.tensors) {
          shapes.push_back({tensor.name, tensor.shape});
          elements += std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::uint64_t{1},
                                      std::multiplies<>{});
        }
        const Identity identity = identify(ShapeTable{shapes}, catalog, {});
        EXPECT_EQ(identity.architecture, component.layout->architecture);
        EXPECT_EQ(identity.role, component.entry->role);
        EXPECT_EQ(identity.layout, layout);
        EXPECT_LT(elements, 5'000'000U);
        architectures.insert(component.layout->architecture);
      }
    }
  }
  for (const CatalogEntry& entry : catalog.entries()) {
    const Layout* layout = catalog.layout_of(entry);
    EXPECT_TRUE(layout == nullptr || architectures.contains(layout->architecture)) << entry.name;
  }
}

TEST(Synth, TellsTheExpertsApart) {
  const Catalog catalog = Catalog::built_in();
  for (const char* layout : {"diffusers", "official"}) {
    const tests::TempFolder folder;
    synthesize(
        {.like = "wan2.2-t2v-a14b", .out = folder / "m", .layout = layout, .tiny = false, .sparse = true},
        catalog);
    std::vector<std::string> names;
    std::vector<std::string> variants;
    std::vector<std::string> warnings;
    for (const ComponentPlace& place : find_components(folder / "m", catalog).components) {
      const Component component = open_component(place, catalog, {}, warnings);
      names.push_back(component.name);
      variants.push_back(component.identity.variant);
    }
    EXPECT_THAT(names, testing::IsSupersetOf({"transformer", "transformer_2"}));
    EXPECT_THAT(variants, testing::UnorderedElementsAre("wan2.2-t2v-a14b-high", "wan2.2-t2v-a14b-low",
                                                        "umt5-xxl-encoder", "wan2.1-vae"));
  }
}

// VideoX-Fun's folders: official names of tensors, and the high one in transformer_2.
TEST(FamilySlots, NameTheExpertAndNotItsFolder) {
  const Catalog catalog = Catalog::built_in();
  const tests::TempFolder folder;
  synthesize(
      {.like = "wan2.2-t2v-a14b", .out = folder / "m", .layout = "official", .tiny = false, .sparse = true},
      catalog);
  fs::rename(folder / "m/high_noise_model", folder / "m/transformer_2");
  fs::rename(folder / "m/low_noise_model", folder / "m/transformer");
  std::map<std::string, std::string> names;
  std::vector<std::string> warnings;
  for (const ComponentPlace& place : find_components(folder / "m", catalog).components)
    names[fs::path{place.path}.filename()] = open_component(place, catalog, {}, warnings).name;
  EXPECT_EQ(names["transformer_2"], "transformer");
  EXPECT_EQ(names["transformer"], "transformer_2");
}

TEST(Synth, RefusesWhatNobodyCanMake) {
  const Catalog catalog = Catalog::built_in();
  const tests::TempFolder folder;
  const auto refused = [&](const SynthRequest& request) -> std::string {
    try {
      synthesize(request, catalog);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  using testing::HasSubstr;
  EXPECT_THAT(refused({.like = "wan2.1-t2v-1.3c", .out = folder / "a"}), HasSubstr("wan2.1-t2v-1.3b"));
  EXPECT_THAT(refused({.like = "wan2.2-s2v-14b", .out = folder / "a", .tiny = false}), HasSubstr("hash"));
  EXPECT_THAT(refused({.like = "wan2.1-fun-14b-inp", .out = folder / "a", .layout = "diffusers"}),
              HasSubstr("--layout"));
  EXPECT_THAT(refused({.like = "wan2.1-t2v-1.3b", .out = folder.path()}),
              HasSubstr("nothing is overwritten"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace ditmill::registry
