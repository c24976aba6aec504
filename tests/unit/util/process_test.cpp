#include "bpg/util/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"
#include "support/forked.hpp"

namespace bpg {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using test::error_of;

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

TEST(Run, CollectsOutputAndExitStatus) {
  const RunResult result = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
}

TEST(Run, TellsTheSignalThatEndedIt) { EXPECT_EQ(run(shell("kill -TERM $$")).exit_status, 128 + SIGTERM); }

TEST(Run, HasNoShellInBetween) {
  EXPECT_EQ(run_checked({"echo", "$HOME; echo *"}), "$HOME; echo *\n");
  EXPECT_EQ(run_checked({"printf", "%s|", "a b", "", "c\nd"}), "a b||c\nd|");
}

TEST(Run, AddsToTheEnvironmentInTheCLocale) {
  ::setenv("BPG_TEST_KEPT", "kept", 1);
  ::setenv("BPG_TEST_CHANGED", "old", 1);
  EXPECT_EQ(run_checked(shell("echo $LC_ALL $BPG_TEST_KEPT $BPG_TEST_CHANGED"), {.env = {{"BPG_TEST_CHANGED", "new"}}}),
            "C kept new\n");
  EXPECT_EQ(run_checked(shell("echo $LC_ALL"), {.env = {{"LC_ALL", "C.UTF-8"}}}), "C.UTF-8\n");
}

TEST(Run, RunsInTheDirectory) { EXPECT_EQ(run_checked({"/bin/pwd"}, {.directory = "/usr"}), "/usr\n"); }

TEST(Run, KeepsABoundedPartOfTheOutput) {
  const RunResult result = run(shell("head -c 20000000 /dev/zero; head -c 1000000 /dev/zero >&2"));
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_EQ(result.out.size(), size_t{16} << 20);
  EXPECT_EQ(result.err.size(), size_t{64} << 10);
}

TEST(Run, GivesNoInput) { EXPECT_EQ(run({"cat"}).out, ""); }

TEST(Run, FailsWhereThereIsNoSuchProgram) {
  EXPECT_EQ(error_of([] { run({"bpg-no-such-program"}); }).message(), "'bpg-no-such-program' is not installed");
  EXPECT_EQ(error_of([] { run({"/no/such/program"}); }).message(),
            "cannot run /no/such/program: No such file or directory");
  EXPECT_EQ(error_of([] { run({"/etc/passwd"}); }).code(), ErrorCode::permission);
  EXPECT_EQ(error_of([] { run({"true"}, {.directory = "/no/such"}); }).code(), ErrorCode::environment);
}

TEST(Run, EndsAtTheDeadlineWithAllItStarted) {
  const test::TemporaryDirectory directory;
  const auto began = std::chrono::steady_clock::now();
  const Error error = error_of([&] {
    run(shell("sleep 60 & echo $! > pid; mv pid sleeper; wait"), {.directory = directory.path(), .deadline = 300ms});
  });
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  EXPECT_THAT(error.message(), HasSubstr("did not end within 300 ms"));
  const pid_t sleeper = std::atoi(read_file(directory / "sleeper").c_str());
  ASSERT_GT(sleeper, 1);
  for (int i = 0; process_alive(sleeper) && i < 1000; ++i) {
    ::poll(nullptr, 0, 5);
  }
  EXPECT_FALSE(process_alive(sleeper));
}

TEST(Run, KeepsTheDeadlineOfAProgramThatClosedItsOutput) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THROW(run(shell("exec >&- 2>&-; sleep 60"), {.deadline = 200ms}), Error);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST(Run, DoesNotWaitForADaemonThatKeptItsOutput) {
  const auto began = std::chrono::steady_clock::now();
  const RunResult result = run(shell("sleep 5 & echo started"), {.deadline = 4s});
  EXPECT_EQ(result.out, "started\n");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
}

TEST(Run, CheckedThrowsWithTheCommandAndWhatItSaid) {
  const Error error = error_of([] { run_checked(shell("echo out; echo 'disk on fire' >&2; exit 4")); });
  EXPECT_THAT(error.message(), HasSubstr("exit status 4"));
  EXPECT_THAT(error.message(), HasSubstr("disk on fire"));
}

TEST(Run, IsEndedByAnInterrupt) {
  test::Forked child([] {
    install_interrupt_handlers();
    test::Forked signaller([self = ::getpid()] {
      ::poll(nullptr, 0, 100);  // whenever it comes, it must end the program
      ::kill(self, SIGINT);
      return 0;
    });
    try {
      run({"sleep", "60"});
    } catch (const Error& error) {
      return error.code() == ErrorCode::interrupted ? 0 : 1;
    }
    return 2;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST(Run, IsNotReachedByTheTerminalsSignals) {
  // What clean-up runs must not die of the Ctrl-C that made it necessary.
  test::Forked child([] {
    ::setpgid(0, 0);
    install_interrupt_handlers();
    const HoldInterrupts hold;
    const RunResult result = run(shell("kill -INT -" + std::to_string(::getpid()) + "; echo done"));
    return interrupted() && result.out == "done\n" ? 0 : 1;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST(Run, WhereSigchldIsIgnored) {
  test::Forked child([] {
    ::signal(SIGCHLD, SIG_IGN);  // inherited from a careless parent: wait(2) then knows nothing
    install_interrupt_handlers();
    return run(shell("exit 3")).exit_status == 3 ? 0 : 1;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST(Spawn, WithStandardDescriptorsClosed) {
  test::Forked child([] {
    for (int fd = 0; fd < 3; ++fd) {
      ::close(fd);
    }
    const RunResult result = run(shell("echo out; echo err >&2; exit 3"));
    if (result.exit_status != 3 || result.out != "out\n" || result.err != "err\n") {
      return 1;
    }
    return error_of([] { run({"/no/such/program"}); }).code() == ErrorCode::environment ? 0 : 2;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST(Spawn, SwapsDescriptors) {
  const test::TemporaryDirectory directory;
  test::Forked child([&] {
    const auto open_as = [&](int target, const char* name) {
      const UniqueFd file = open_file(directory / name, O_RDWR | O_CREAT | O_TRUNC, 0600);
      ::dup2(file.get(), target);
    };
    open_as(1, "one");
    open_as(2, "two");
    return spawn({.argv = shell("echo out; echo err >&2"), .stdout_fd = 2, .stderr_fd = 1}).wait();
  });
  EXPECT_EQ(child.status(), 0);
  EXPECT_EQ(read_file(directory / "one"), "err\n");
  EXPECT_EQ(read_file(directory / "two"), "out\n");
}

TEST(Spawn, LeavesNoDescriptorToTheProgram) {
  const int inherited = ::open("/dev/null", O_RDONLY);  // as a caller's pipe would be, without O_CLOEXEC
  const std::string open = run_checked({"ls", "/proc/self/fd"});
  ::close(inherited);
  EXPECT_EQ(open, "0\n1\n2\n3\n") << "3 is ls's own";
}

TEST(Spawn, GivesTheProgramDefaultSignals) {
  test::Forked child([] {
    install_interrupt_handlers();  // ignores SIGPIPE
    const std::string status = run_checked({"cat", "/proc/self/status"});
    return status.find("SigIgn:\t0000000000000000") != std::string::npos &&
                   status.find("SigBlk:\t0000000000000000") != std::string::npos
               ? 0
               : 1;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST(Spawn, InANewSession) {
  const test::TemporaryDirectory directory;
  const UniqueFd out = open_file(directory / "out", O_RDWR | O_CREAT, 0600);
  Child child =
      spawn({.argv = {"cat", "/proc/self/stat"}, .stdout_fd = out.get(), .new_session = true});  // proc(5): field 6
  ASSERT_EQ(child.wait(), 0);
  const std::string stat = read_file(directory / "out");
  EXPECT_EQ(split(stat, ' ').at(5), std::to_string(child.pid()));
}

TEST(Child, IsWaitedForThroughItsPidfd) {
  Child child = spawn({.argv = shell("exit 7")});
  pollfd polled{child.pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&polled, 1, 10'000), 1);
  const auto status = child.try_wait();
  ASSERT_TRUE(status);
  EXPECT_EQ(WEXITSTATUS(*status), 7);
}

TEST(Child, HasNotEndedWhileItRuns) {
  Child child = spawn({.argv = {"sleep", "60"}});
  EXPECT_EQ(child.try_wait(), std::nullopt);
  EXPECT_TRUE(process_alive(child.pid()));
  ::kill(child.pid(), SIGTERM);
  EXPECT_EQ(WTERMSIG(child.wait()), SIGTERM);
  EXPECT_FALSE(process_alive(child.pid()));
}

TEST(Child, RemembersItsStatus) {
  Child child = spawn({.argv = shell("exit 7")});
  EXPECT_EQ(WEXITSTATUS(child.wait()), 7);
  EXPECT_EQ(WEXITSTATUS(child.wait()), 7);
  EXPECT_EQ(WEXITSTATUS(child.try_wait().value()), 7);
}

TEST(Child, WhoseStatusIsLostDidNotSucceed) {
  Child child = spawn({.argv = {"true"}});
  Child other(child.pid(), UniqueFd());
  child.wait();
  EXPECT_THROW(other.wait(), Error);
  EXPECT_THROW(other.try_wait(), Error);
}

TEST(Account, IsFoundByName) {
  const auto root = find_account("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->uid, 0U);
  EXPECT_EQ(find_account("no-such-account"), std::nullopt);
  EXPECT_EQ(current_account().uid, ::geteuid());
}

TEST(Account, RunsTheProgram) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become another";
  }
  const auto nobody = find_account("nobody");
  ASSERT_TRUE(nobody);
  EXPECT_EQ(run_checked(shell("id -un; id -G"), {.account = nobody, .directory = "/"}), "nobody\n65534\n");
}

TEST(Account, OfAnotherNeedsRoot) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become nobody";
  }
  test::Forked child([] {
    const auto root = find_account("root");
    ::setgid(65534);
    ::setuid(65534);
    return error_of([&] { run({"true"}, {.account = root}); }).code() == ErrorCode::permission ? 0 : 1;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST(ProcessAlive, KnowsZombies) {
  Child child = spawn({.argv = {"true"}});
  pollfd polled{child.pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&polled, 1, 10'000), 1);
  EXPECT_FALSE(process_alive(child.pid()));
  child.wait();
  EXPECT_TRUE(process_alive(::getpid()));
  EXPECT_TRUE(process_alive(1));
  EXPECT_FALSE(process_alive(0));
  EXPECT_FALSE(process_alive(-1));
}

TEST(FindProgram, SearchesPathAndSbin) {
  EXPECT_TRUE(find_program("sh"));
  EXPECT_EQ(find_program("bpg-no-such-program"), std::nullopt);
  test::Forked child([] {
    const test::TemporaryDirectory directory;
    make_directory(directory / "tool", 0755);
    write_file_atomic(directory / "plain", "x", {.mode = 0644});
    fs::current_path(directory.path());
    write_file_atomic(directory / "here", "x", {.mode = 0755});
    ::setenv("PATH", ("." + std::string(":") + directory.path().string()).c_str(), 1);
    if (find_program("tool") || find_program("plain")) {
      return 1;
    }
    return find_program("here") == directory / "here" ? 0 : 2;
  });
  EXPECT_EQ(child.status(), 0);
}

}  // namespace
}  // namespace bpg
