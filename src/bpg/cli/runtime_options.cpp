#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/cli/command_line.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/text.hpp"

namespace bpg::cli {

void add_runtime_options(CLI::App& command, std::string& runtime, std::string& image) {
  command.add_option("--runtime", runtime, "Where servers run: as processes of this machine, or in containers (native)")
      ->type_name("native|docker");
  command.add_option("--image", image, "The image of their containers; it is pulled where it is not there (postgres:17)")
      ->type_name("IMAGE");
}

void check_runtime(const std::string& runtime, const std::string& image) {
  const std::vector<std::string> runtimes{"native", "docker"};
  if (!runtime.empty() && std::ranges::find(runtimes, runtime) == runtimes.end()) {
    throw Error(ErrorCode::usage, fmt::format("unknown runtime '{}'", runtime),
                did_you_mean(runtime, runtimes, fmt::format("It is one of {}.", fmt::join(runtimes, ", "))));
  }
  if (runtime == "native" && !image.empty()) {
    throw Error(ErrorCode::usage, "--image is of containers, and --runtime native runs none", "Leave one of them out.");
  }
}

}  // namespace bpg::cli
