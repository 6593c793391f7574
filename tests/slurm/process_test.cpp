#include "slurm/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace ditmill::slurm {
namespace {

TEST(Process, GivesWordsAsExecTakesThem) {
  const std::vector<std::string> texts{"a", ""};
  const std::vector<char*> words = exec_words(texts);
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[0], texts[0].c_str());
  EXPECT_STREQ(words[1], "");
  EXPECT_EQ(words[2], nullptr);
}

TEST(Process, HasAnExitCodeForEveryEnd) {
  for (const int signal : {0, SIGKILL}) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (signal != 0) ::raise(signal);
      ::_exit(7);
    }
    EXPECT_EQ(exit_code_of(wait_for_end(child)), signal == 0 ? 7 : 128 + signal);
  }
}

}  // namespace
}  // namespace ditmill::slurm
