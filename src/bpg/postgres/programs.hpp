#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bpg/postgres/installation.hpp"
#include "bpg/util/process.hpp"

namespace bpg::postgres {

/// The server's programs of one PostgreSQL version, wherever they are: installed on this machine, or in an image.
class Programs {
 public:
  virtual ~Programs() = default;

  virtual int major() const = 0;

  /// Runs `initdb`, `postgres` or `pg_config` to its end, as the account that servers run as. `argv[0]` is its name, without
  /// a directory. It may write in `writable` (empty: nowhere), a directory of that account.
  virtual RunResult run(const std::vector<std::string>& argv, const std::filesystem::path& writable = {}) const = 0;

  /// Is there such a file where the programs are?
  virtual bool has_file(const std::filesystem::path& file) const = 0;
};

/// Those of an installation of this machine.
class InstalledPrograms final : public Programs {
 public:
  InstalledPrograms(Installation installation, Account account)
      : m_installation(std::move(installation)), m_account(std::move(account)) {}

  int major() const override { return m_installation.major; }
  RunResult run(const std::vector<std::string>& argv, const std::filesystem::path& writable = {}) const override;
  bool has_file(const std::filesystem::path& file) const override;

 private:
  Installation m_installation;
  Account m_account;
};

/// As `run`, and throws `Error{postgres}` with what the program said where its exit status is not 0.
std::string run_checked(const Programs& programs, const std::vector<std::string>& argv, const std::filesystem::path& writable = {});

}  // namespace bpg::postgres
