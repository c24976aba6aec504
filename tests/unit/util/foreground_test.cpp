#include "bpg/util/foreground.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/process.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"
#include "support/forked.hpp"

namespace bpg {
namespace {

using test::error_of;

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

TEST(RunInForeground, GivesTheExitStatusOrTheSignal) {
  test::Forked process([] {
    const bool good = run_in_foreground({.argv = shell("exit 7")}) == 7 &&
                      run_in_foreground({.argv = shell("kill -KILL $$")}) == 128 + SIGKILL &&
                      run_in_foreground({.argv = shell("exit $NUMBER"), .env = {{"NUMBER", "9"}}}) == 9;
    return good ? 0 : 1;
  });
  EXPECT_EQ(process.status(), 0);
}

TEST(RunInForeground, KeepsTheStreamsAndTheProcessGroup) {
  const test::TemporaryDirectory directory;
  write_file_atomic(directory / "in", "text", {.durable = false});
  test::Forked process([&] {
    ::dup2(open_file(directory / "in", O_RDONLY).get(), 0);
    ::dup2(open_file(directory / "out", O_WRONLY | O_CREAT, 0600).get(), 1);
    ::close(2);
    return run_in_foreground({.argv = shell("cat; test $(cut -d' ' -f5 /proc/$$/stat) = $GROUP"),
                              .env = {{"GROUP", std::to_string(::getpgrp())}}});
  });
  EXPECT_EQ(process.status(), 0);
  EXPECT_EQ(read_file(directory / "out"), "text");
}

TEST(RunInForeground, DoesNotBeginAfterAnInterrupt) {
  const test::TemporaryDirectory directory;
  test::Forked process([&] {
    ::signal(SIGINT, SIG_DFL);
    install_interrupt_handlers();
    ::raise(SIGINT);
    return error_of([&] { run_in_foreground({.argv = {"touch", (directory / "ran").string()}}); }).code() == ErrorCode::interrupted ? 0 : 1;
  });
  EXPECT_EQ(process.status(), 0);
  EXPECT_FALSE(fs::exists(directory / "ran"));
}

/// A process of its own session that runs a script in the foreground. The script tells that it runs by a line.
class Running {
 public:
  explicit Running(const std::string& script) : m_ends(pipe()), m_process([&] {
    ::setsid();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1}) {
      ::signal(signal, SIG_DFL);
    }
    install_interrupt_handlers();
    ::dup2(m_ends.second.get(), 1);
    m_ends.second.reset();
    return run_in_foreground({.argv = shell(script)});
  }) {
    m_ends.second.reset();
  }

  pid_t pid() const { return m_process.pid(); }
  int status() { return m_process.status(); }
  std::string line() const {
    char buffer[64];
    const ssize_t count = ::read(m_ends.first.get(), buffer, sizeof buffer);
    return std::string(buffer, count > 0 ? static_cast<size_t>(count) : 0);
  }

 private:
  static std::pair<UniqueFd, UniqueFd> pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }

  std::pair<UniqueFd, UniqueFd> m_ends;
  test::Forked m_process;
};

TEST(RunInForeground, PassesOnWhatIsSentToIt) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1}) {
    Running process("trap 'exit 9' " + std::to_string(signal) + "; echo runs; while :; do sleep 0.01; done");
    EXPECT_EQ(process.line(), "runs\n");
    ::kill(process.pid(), signal);
    EXPECT_EQ(process.status(), 9) << signal;
  }
}

TEST(RunInForeground, DoesNotSendBackWhatTheCommandSends) {
  Running process("trap 'echo twice' USR1; kill -USR1 $PPID; sleep 0.2; echo ends");
  EXPECT_EQ(process.status(), 0);
  EXPECT_EQ(process.line(), "ends\n");
}

TEST(RunInForeground, EndsTheCommandWhereItIsKilled) {
  Running process("trap 'echo ended; exit' TERM; echo runs; while :; do sleep 0.01; done");
  EXPECT_EQ(process.line(), "runs\n");
  ::kill(process.pid(), SIGKILL);
  EXPECT_EQ(process.status(), 128 + SIGKILL);
  EXPECT_EQ(process.line(), "ended\n");
}

TEST(RunInForeground, TellsWhatCannotBeRun) {
  EXPECT_EQ(error_of([] { run_in_foreground({.argv = {"/etc/passwd"}}); }).code(), ErrorCode::permission);
}

}  // namespace
}  // namespace bpg
