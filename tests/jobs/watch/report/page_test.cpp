#include "jobs/watch/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/watch/report/item_facts.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::watch {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

results::ListedItem listed(const std::string& id) {
  results::ListedItem item;
  item.id = id;
  return item;
}

TEST(ScriptJson, HoldsNothingThatEndsOrOpensAnElement) {
  const json data{{"</script>", "<!-- <script> & \"quotes\" \xf0\x9f\x90\x88"}};
  const std::string text = script_json(data);
  EXPECT_THAT(text, Not(HasSubstr("<")));
  EXPECT_EQ(json::parse(text), data);
}

TEST(ScriptJson, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(json::parse(script_json(json("a\xff"))), "a\xef\xbf\xbd");
}

TEST(HtmlText, IsNoMarkup) { EXPECT_EQ(html_text("</title>&'\""), "&lt;/title&gt;&amp;'\""); }

TEST(Base64, IsThatOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Page, IsThereOnlyWhenItIsWhole) {
  const TempFolder folder;
  const std::string path = folder.path() + "/report.html";
  results::durable::write_file(path, "older");
  {
    PageWriter page(path, "a", {{"name", "a"}});
    page.pictures(0, "jpeg");
  }
  EXPECT_EQ(results::durable::read_file(path), "older");
  EXPECT_THAT(files_below(folder.path()), ElementsAre("report.html"));
  PageWriter page(path, "</title>", {{"name", "</script>"}});
  page.pictures(7, "foobar");
  page.items({{"items", {{{"id", "a"}}}}, {"configs", json::array()}});
  const std::uint64_t bytes = page.finish({{"notes", json::array()}});
  const std::string text = results::durable::read_file(path);
  EXPECT_EQ(text.size(), bytes);
  EXPECT_THAT(text, HasSubstr("<script type=\"text/plain\" id=\"p7\">Zm9vYmFy</script>"));
  EXPECT_THAT(text, HasSubstr("<title>&lt;/title&gt;</title>"));
  EXPECT_THAT(text, HasSubstr("script-src 'sha256-"));
  EXPECT_TRUE(text.ends_with("</html>\n"));
}

TEST(Page, SaysWhereItCannotBeWritten) {
  try {
    PageWriter page("/no/such/folder/report.html", "a", json::object());
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::not_found) << error.what();
  }
}

TEST(ItemFacts, WritesASharedConfigurationOnce) {
  ItemFacts facts;
  const auto attributes = [](const std::string& steps, const std::string& id) {
    return results::h5::Attributes{{"prompt", "p"},
                                   {"seed", std::int64_t{9223372036854775807}},
                                   {"config_json", R"({"layer2_inference_config":)" + steps +
                                                       R"(,"layer3_request":{"id":")" + id + "\"}}"}};
  };
  facts.add(0, listed("a"), attributes("8", "a"));
  facts.add(1, listed("b"), attributes("8", "b"));
  const json first = facts.take();
  EXPECT_EQ(first["configs"], json::parse(R"([{"layer2_inference_config":8}])"));
  EXPECT_EQ(first["items"][1]["config"], 0);
  EXPECT_EQ(first["items"][1]["seed"], "9223372036854775807") << "JavaScript's numbers would round it";
  facts.add(2, listed("c"), attributes("9", "c"));
  facts.add(3, listed("d"), {});
  facts.add_unreadable(4, listed("e"), "a checksum fails");
  const json second = facts.take();
  EXPECT_EQ(second["configs"].size(), 1u);
  EXPECT_EQ(second["items"][0]["config"], 1);
  EXPECT_TRUE(second["items"][1]["config"].is_null());
  EXPECT_EQ(second["items"][2]["note"], "a checksum fails");
}

}  // namespace
}  // namespace ditmill::jobs::watch
