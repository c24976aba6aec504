#include "bpg/postgres/programs.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::postgres {

RunResult InstalledPrograms::run(const std::vector<std::string>& argv, const std::filesystem::path&) const {
  std::vector<std::string> command = argv;
  command.at(0) = m_installation.program(argv.at(0)).string();
  return bpg::run(command, {.account = m_account, .directory = "/"});
}

bool InstalledPrograms::has_file(const std::filesystem::path& file) const { return std::filesystem::exists(file); }

std::string run_checked(const Programs& programs, const std::vector<std::string>& argv, const std::filesystem::path& writable) {
  const RunResult result = programs.run(argv, writable);
  if (result.exit_status != 0) {
    const std::string words(trim(result.err));
    throw Error(ErrorCode::postgres, fmt::format("{} failed: {}", argv.at(0),
                                                 words.empty() ? fmt::format("exit status {}", result.exit_status) : words));
  }
  return result.out;
}

}  // namespace bpg::postgres
