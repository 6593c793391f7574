#include "slurm/node_list.h"

#include <gmock/gmock.h>

#include "configs/error.h"

namespace ditmill::slurm {
namespace {

using testing::ElementsAre;

std::vector<std::string> nodes(std::string_view list) { return expand_node_list(list, "SLURM_JOB_NODELIST"); }

TEST(NodeList, NamesEveryNodeInSlurmsOrder) {
  EXPECT_THAT(nodes("login"), ElementsAre("login"));
  EXPECT_THAT(nodes("b,a"), ElementsAre("b", "a"));
  EXPECT_THAT(nodes("n[1-3,7],login"), ElementsAre("n1", "n2", "n3", "n7", "login"));
  EXPECT_THAT(nodes("n[5]"), ElementsAre("n5"));
}

TEST(NodeList, KeepsLeadingZeros) {
  EXPECT_THAT(nodes("gpu[008-011]"), ElementsAre("gpu008", "gpu009", "gpu010", "gpu011"));
  EXPECT_THAT(nodes("n[9-10,007]"), ElementsAre("n9", "n10", "n007"));
}

TEST(NodeList, TakesSeveralBracketsAndWhatFollowsThem) {
  EXPECT_THAT(nodes("r[1-2]n[1-2]"), ElementsAre("r1n1", "r1n2", "r2n1", "r2n2"));
  EXPECT_THAT(nodes("n[1-2].cluster"), ElementsAre("n1.cluster", "n2.cluster"));
}

class BadNodeList : public testing::TestWithParam<const char*> {};

TEST_P(BadNodeList, IsRefused) { EXPECT_THROW(nodes(GetParam()), Error); }

INSTANTIATE_TEST_SUITE_P(Lists, BadNodeList,
                         testing::Values("", ",", "a,,b", "n[", "n[]", "n[1-", "n]1[", "n[3-1]", "n[a-b]",
                                         "n[1-2", "n[-1]", "n[1,]", "n[0-99999999]", "n[0-1999]m[0-1999]",
                                         "n[1]]", "n[99999999999]"));

TEST(Counts, AreOneANode) {
  EXPECT_THAT(expand_counts("4", "V"), ElementsAre(4));
  EXPECT_THAT(expand_counts("2(x3),1", "V"), ElementsAre(2, 2, 2, 1));
}

class BadCounts : public testing::TestWithParam<const char*> {};

TEST_P(BadCounts, AreRefused) { EXPECT_THROW(expand_counts(GetParam(), "V"), Error); }

INSTANTIATE_TEST_SUITE_P(Texts, BadCounts,
                         testing::Values("", "a", "2(x", "2(x)", "2(xa)", "2(x3", "-1", "2,",
                                         "2(x999999999)"));

}  // namespace
}  // namespace ditmill::slurm
