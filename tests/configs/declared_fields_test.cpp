#include "configs/declared_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/request.h"

namespace ditmill::configs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DeclaredFields, AreOneListWithTheMembersOfARequest) {
  std::vector<std::string> members;
  RequestDraft draft;
  visit_draft(draft, [&](const Field& field, const auto& member) {
    members.push_back(field.name);
    const bool text = std::is_same_v<std::decay_t<decltype(member)>, std::string>;
    const bool real = std::is_floating_point_v<std::decay_t<decltype(member)>>;
    EXPECT_EQ(field.is_text(), text) << field.name;
    EXPECT_EQ(field.kind == FieldKind::real, real) << field.name;
  });
  EXPECT_THAT(members, ElementsAre("id", "prompt", "negative_prompt", "seed", "width", "height", "frames",
                                   "fps", "samples", "resolution", "aspect_ratio", "size"));
}

TEST(DeclaredFields, ANameMeansTheSameInEveryFamily) {
  for (const auto& [common, of_families] : {std::pair{common_request_fields(), family_request_fields()},
                                            std::pair{common_pipeline_fields(), family_pipeline_fields()}}) {
    for (const Field& field : of_families) EXPECT_EQ(field_named(common, field.name), nullptr) << field.name;
  }
  for (const FamilyFields& family : family_fields()) {
    for (const Field& field : family.request) {
      const Field* first = field_named(family_request_fields(), field.name);
      EXPECT_EQ(first->kind, field.kind) << family.family << " " << field.name;
      EXPECT_EQ(expected_of(*first), expected_of(field));
    }
    for (const Field& field : family.pipeline) {
      const Field* first = field_named(family_pipeline_fields(), field.name);
      EXPECT_EQ(first->kind, field.kind) << family.family << " " << field.name;
      EXPECT_EQ(expected_of(*first), expected_of(field));
      EXPECT_FALSE(field.says.empty()) << field.name;
    }
  }
}

TEST(ParseFamilyFields, ReadsWhatAFileDeclares) {
  const FamilyFields fields = parse_family_fields(
      {.stem = "fields",
       .path = "models/toy/fields.yaml",
       .text = "request:\n  style: {kind: word, words: [ink, oil], usual: ink, says: how it is drawn}\n"
               "pipeline:\n  depth: {kind: whole, least: 1, most: 9, in_key: false}\n"});
  EXPECT_EQ(fields.family, "toy");
  ASSERT_EQ(fields.request.size(), 1U);
  EXPECT_EQ(expected_of(fields.request[0]), "ink, oil");
  EXPECT_EQ(fields.request[0].usual, FieldValue{"ink"});
  ASSERT_EQ(fields.pipeline.size(), 1U);
  EXPECT_EQ(expected_of(fields.pipeline[0]), "a whole number from 1 to 9");
  EXPECT_FALSE(fields.pipeline[0].in_key);
  EXPECT_TRUE(fields.pipeline[0].may_vary);
}

TEST(ParseFamilyFields, RefusesWhatItDoesNotKnow) {
  try {
    parse_family_fields({.stem = "fields",
                         .path = "models/toy/fields.yaml",
                         .text = "request:\n  a: {kind: melody}\n  b: {kind: whole, leest: 1}\n"
                                 "  c: {kind: word, words: [x], usual: y}\n"});
    FAIL() << "no error";
  } catch (const Error& error) {
    ASSERT_EQ(error.problems().size(), 3U) << error.what();
    EXPECT_THAT(error.problems()[0].message, HasSubstr("request.a.kind"));
    EXPECT_THAT(error.problems()[1].message, HasSubstr("request.b.leest"));
    EXPECT_EQ(error.problems()[2].expected, "x");
  }
}

TEST(Field, KeepsAValueUnlessItIsWhatItIsWithout) {
  const Field field{.name = "scale", .kind = FieldKind::real, .real = {0, 2}, .usual = 1.0};
  FieldValues values;
  keep(values, field, 0.5);
  EXPECT_EQ(value_of(values, field), FieldValue{0.5});
  EXPECT_EQ(real_in(values, "scale"), 0.5);
  keep(values, field, 1.0);
  EXPECT_TRUE(values.empty());
  EXPECT_EQ(value_of(values, field), FieldValue{1.0});
  EXPECT_EQ(real_in(values, "scale"), std::nullopt);
}

TEST(Field, TakesFromJsonWhatItsKindIs) {
  const Field whole{.name = "n", .kind = FieldKind::whole, .whole = {0, 5}};
  EXPECT_EQ(field_value(whole, 5), FieldValue{std::int64_t{5}});
  for (const nlohmann::json& wrong :
       {nlohmann::json(6), nlohmann::json(-1), nlohmann::json(1.5), nlohmann::json("1"),
        nlohmann::json(std::uint64_t{1} << 63), nlohmann::json(nullptr)}) {
    EXPECT_EQ(field_value(whole, wrong), std::nullopt) << wrong;
  }
  const Field real{.name = "x", .kind = FieldKind::real, .real = {above_zero, 1}};
  EXPECT_EQ(field_value(real, 1), FieldValue{1.0});
  EXPECT_EQ(field_value(real, 0), std::nullopt);
  const Field word{.name = "w", .kind = FieldKind::word, .words = {"a", "b"}};
  EXPECT_EQ(field_value(word, "b"), FieldValue{"b"});
  EXPECT_EQ(field_value(word, "c"), std::nullopt);
  EXPECT_EQ(short_text(FieldValue{0.875}), "0.875");
  EXPECT_EQ(short_text(FieldValue{std::int64_t{-3}}), "-3");
}

}  // namespace
}  // namespace ditmill::configs
